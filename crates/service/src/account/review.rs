//! Who a merchant is: what it declared, the documents that it shows, and what the operator makes of them.
//!
//! Rules:
//! - Waiting blocks nothing. Until the operator has decided the name is *declared*, and said to be so.
//! - Documents are few, small and of three kinds; a picture is decoded within limits before it is kept, a PDF is never
//!   opened here. They lie sealed, and are gone once decided on: what remains is which kinds were looked at. A legal hold
//!   keeps them, also from the merchant, until it is lifted.
//! - Looking at a document stands in the audit log; the whole number is shown to the operator while he has to compare it.

use super::{Actor, Answer, MerchantShown, Permission, Refusal, Why, merchants};
use crate::{Folder, clock, keys, letters};
use evidence::{
    hex,
    time::{SECOND, Utc},
};
use store::{CheckAsked, Decision, Document, IdentityCheck, OWNER_ACCOUNT, Review, SignIn};

/// Longest document, in bytes.
pub const MAX_DOCUMENT: usize = 8 << 20;
/// Most documents.
pub const MAX_DOCUMENTS: u64 = 6;
/// Questions of one page.
const QUEUE: u32 = 50;
/// Longest words of a decision, in characters.
const MAX_WORDS: usize = 500;
/// Questions to the provider that an account may put in a day.
const MAX_CHECKS: u32 = 5;

/// A document as it is listed.
#[derive(Clone, Debug)]
pub struct DocumentShown {
    /// Number.
    pub id: i64,
    /// As it came.
    pub name: String,
    /// `image/jpeg`, `image/png`, `application/pdf`.
    pub media_type: String,
    /// Bytes.
    pub size: u64,
}

/// A question to the operator, and its answer.
#[derive(Clone, Debug)]
pub struct ReviewShown {
    /// Number.
    pub id: i64,
    /// `asked`, `approved`, `refused`.
    pub state: String,
    /// The operator's words.
    pub reason: String,
    /// When it was asked, or answered.
    pub at: Utc,
    /// Number of the record that establishes the name.
    pub attestation: Option<String>,
}

/// Who an account's owner is.
#[derive(Clone, Debug)]
pub struct Identity {
    /// As the operator's list has it: the number masked.
    pub merchant: MerchantShown,
    /// The newest question.
    pub review: Option<ReviewShown>,
    /// The newest question to the provider.
    pub check: Option<IdentityCheck>,
    /// What lies here to be looked at.
    pub documents: Vec<DocumentShown>,
    /// The whole number, for who has to compare it.
    pub number: Option<String>,
}

impl Folder {
    /// The actor's own.
    pub fn identity(&self, actor: &Actor) -> Answer<Identity> {
        let person = self.merchants_own(actor)?;
        self.identity_of(person.account, false)
    }

    /// A merchant's, for the operator.
    pub fn identity_for_review(&self, actor: &Actor, account: i64) -> Answer<Identity> {
        self.allow(actor, Permission::Operate)?;
        self.identity_of(account, true)
    }

    /// Merchants whose question waits, the longest first.
    pub fn review_queue(&self, actor: &Actor) -> Answer<Vec<MerchantShown>> {
        self.allow(actor, Permission::Operate)?;
        self.store.reviews_asked(QUEUE)?.into_iter().map(|account| self.merchant(actor, account)).collect()
    }

    fn identity_of(&self, account: i64, whole: bool) -> Answer<Identity> {
        let merchant = self.store.merchant(account)?.ok_or_else(merchants::none)?;
        let review = self.store.review(account)?.map(reviewed);
        let compares = whole && review.as_ref().is_some_and(|r| r.state == "asked");
        let party = self.owner_of(account)?;
        let documents = self.store.documents(account)?.into_iter().map(listed).collect();
        let number = compares.then(|| party.id.or(party.code)).flatten();
        let check = self.store.check(account)?;
        Ok(Identity { merchant: merchants::shown(merchant)?, review, check, documents, number })
    }

    /// Keeps a document that is to be looked at.
    pub fn add_document(&self, actor: &Actor, name: &str, bytes: &[u8]) -> Answer<()> {
        let person = self.merchants_own(actor)?;
        let media_type = kind_of(bytes)?;
        let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
        let name = letters::shown(name, 120);
        let (size, added_at) = (bytes.len() as u64, clock::now().0);
        let document = Document { id: 0, name, media_type: media_type.into(), size, added_at };
        if !self.store.add_document(person.account, &document, bytes, MAX_DOCUMENTS)? {
            return Err(Refusal::field(
                "document",
                format!("已有 {MAX_DOCUMENTS} 份材料，或已提交审核；请先移去不要的，或等待结果"),
                format!(
                    "there are {MAX_DOCUMENTS} documents already, or they are being looked at; take some back, or wait"
                ),
            ));
        }
        Ok(self.note(actor, person, "add-document", "")?)
    }

    /// Takes a document back.
    pub fn drop_document(&self, actor: &Actor, id: i64) -> Answer<()> {
        let person = self.merchants_own(actor)?;
        if !self.store.drop_document(person.account, id)? {
            return Err(no_document());
        }
        Ok(self.note(actor, person, "drop-document", "")?)
    }

    /// Asks the operator to look at the name.
    pub fn ask_review(&self, actor: &Actor) -> Answer<()> {
        let person = self.merchants_own(actor)?;
        if !self.store.ask_review(person.account, &actor.act(person, "ask-review", ""))? {
            return Err(Refusal::field(
                "document",
                "请先上传证照；已提交的请等待结果",
                "upload a document first; what was asked already has to be waited for",
            ));
        }
        Ok(())
    }

    /// Has the provider asked whether name and number belong together. `provider`: as certificates will name it.
    pub fn ask_provider(&self, actor: &Actor, provider: &str) -> Answer<()> {
        let person = self.merchants_own(actor)?;
        let (request, act) = (hex::encode(&keys::random::<32>()?), actor.act(person, "ask-provider", ""));
        let since = act.at - 24 * 3600 * SECOND;
        let conflict = |zh: &str, en: &str| Err(Refusal::field("provider", zh, en));
        match self.store.ask_check(person.account, &request, provider, since, MAX_CHECKS, &act)? {
            CheckAsked::Asked => Ok(()),
            CheckAsked::Open => conflict("已在核验，请等待结果", "it is being asked already; wait for the answer"),
            CheckAsked::Established => conflict("名称已经核实", "the name is established already"),
            CheckAsked::Often => conflict(
                "24 小时内已核验过 5 次；请明天再试，或上传证照请运营者核对",
                "it was asked 5 times within a day; try tomorrow, or show the operator documents",
            ),
        }
    }

    /// A document's kind and bytes, for the operator; the audit log says that he looked.
    pub fn document_for_review(&self, actor: &Actor, account: i64, id: i64) -> Answer<(String, Vec<u8>)> {
        let person = self.allow(actor, Permission::Operate)?;
        let listed = self.store.documents(account)?.into_iter().find(|d| d.id == id).ok_or_else(no_document)?;
        let bytes = self.store.document(account, id)?.ok_or_else(no_document)?;
        self.note(actor, person, "look-at-document", &account.to_string())?;
        Ok((listed.media_type, bytes))
    }

    /// The operator's answer. `approve`: a record on the ledger establishes the name; `words` say what was looked at, or
    /// why not.
    pub fn decide_review(&self, actor: &Actor, account: i64, review: i64, approve: bool, words: &str) -> Answer<()> {
        let person = self.allow(actor, Permission::Operate)?;
        let words = words.trim();
        if words.is_empty() || words.chars().count() > MAX_WORDS || evidence::json::check_string("", words).is_err() {
            return Err(Refusal::field(
                "words",
                format!("请写明看了哪些材料，或为何不通过；一行，不超过 {MAX_WORDS} 个字"),
                format!("say what was looked at, or why it is refused, in one line of at most {MAX_WORDS} characters"),
            ));
        }
        let open = self.store.review(account)?.is_some_and(|r| r.id == review && r.state == "asked");
        if !open {
            return Err(decided());
        }
        let made = if approve { Some(self.attest(account, &crate::attest::How::Documents(words))?) } else { None };
        let (attestation, covered) =
            made.as_ref().map_or((None, &[][..]), |made| (Some(made.record.as_str()), &made.covered));
        let decision = Decision { account, review, reason: words, attestation, covered };
        let act = actor.act(person, if approve { "approve-name" } else { "refuse-name" }, &account.to_string());
        if !self.store.decide(&decision, &act)? {
            return Err(decided());
        }
        Ok(())
    }

    /// A main account of a merchant's.
    fn merchants_own<'a>(&self, actor: &'a Actor) -> Answer<&'a SignIn> {
        let person = self.allow(actor, Permission::Account)?;
        if person.account == OWNER_ACCOUNT {
            let (zh, en) =
                ("运营者的名称写在账本第一条，这里不核验", "who the operator is stands in the ledger's first record");
            return Err(Refusal::new(Why::Conflict, zh, en));
        }
        Ok(person)
    }
}

/// A document's kind by its leading bytes, where it is one that is taken and, for a picture, decodes within the limits.
fn kind_of(bytes: &[u8]) -> Answer<&'static str> {
    if bytes.starts_with(b"%PDF-") {
        return Ok("application/pdf");
    }
    let kind = match picture::media_type(bytes) {
        kind @ ("image/jpeg" | "image/png") => kind,
        _ => {
            let (zh, en) = ("只收 JPEG、PNG 图片和 PDF", "only JPEG and PNG pictures and PDF are taken");
            return Err(Refusal::field("document", zh, en));
        }
    };
    picture::thumbnail(bytes.to_vec(), &picture::Limits::default()).map(|_| kind).map_err(|why| {
        Refusal::field(
            "document",
            format!("这张图片无法在限度内解码（{why}）；请重新拍照或扫描"),
            format!("the picture does not decode within the limits ({why}); photograph or scan it again"),
        )
    })
}

fn listed(document: Document) -> DocumentShown {
    let Document { id, name, media_type, size, .. } = document;
    DocumentShown { id, name, media_type, size }
}

fn reviewed(review: Review) -> ReviewShown {
    ReviewShown {
        id: review.id,
        state: review.state,
        reason: review.reason.unwrap_or_default(),
        at: Utc(review.decided_at.unwrap_or(review.asked_at)),
        attestation: review.attestation,
    }
}

fn no_document() -> Refusal {
    Refusal::new(Why::NotFound, "没有这份材料，或正在审核", "there is no such document, or it is being looked at")
}

fn decided() -> Refusal {
    Refusal::new(Why::Conflict, "这次审核已有结果，或商户已注销", "this was decided already, or the merchant is closed")
}
