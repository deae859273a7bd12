//! Closing an account: its key is destroyed, and with it everything that opens its records; the ledger stays as it is.
//!
//! Rules:
//! - What can no longer be proved is said beforehand, computed from what is there; the password is asked again.
//! - A legal hold stops it, and the erasing of single records too. The operator sets and lifts it, for a reason that
//!   stands in the audit log.
//! - Rows go in one transaction, bytes and what the database's own files still hold after it; whatever a crash leaves of
//!   that is gone on with as an erasing is.
//! - The folder's owner cannot be closed: the ledger's first record names him, and the command line works for him.

use super::{Actor, Answer, Permission, Refusal, Why};
use crate::{Error, Folder, Sentence, erase};
use store::OWNER_ACCOUNT;

/// What closing an account means.
#[derive(Clone, Debug)]
pub struct ClosePlan {
    /// Records, and statements that wait.
    pub records: u64,
    /// What can no longer be shown.
    pub lost: Vec<Sentence>,
    /// What is not touched.
    pub stays: Vec<Sentence>,
    /// A legal hold stands.
    pub held: bool,
}

impl Folder {
    /// Whether the actor's account can be closed by the actor at all.
    pub fn can_close(&self, actor: &Actor) -> bool {
        self.allow(actor, Permission::Account).is_ok_and(|person| person.account != OWNER_ACCOUNT)
    }

    /// What closing the actor's account would mean. Nothing is written.
    pub fn close_plan(&self, actor: &Actor) -> Answer<ClosePlan> {
        let person = self.allow(actor, Permission::Account)?;
        if person.account == OWNER_ACCOUNT {
            return Err(Refusal::new(
                Why::Conflict,
                "这是运营者的文件夹自己的账户，不能注销",
                "this is the account of the folder itself, which cannot be closed",
            ));
        }
        let kinds = self.store.kinds(person.account, None)?;
        let waiting = self.store.own_waiting(person.account)?.len() as u64;
        let records = kinds.iter().map(|(_, n)| n).sum::<u64>() + waiting;
        let held = self.store.hold(person.account)?.is_some();
        Ok(ClosePlan { records, lost: lost(records, waiting), stays: stays(records), held })
    }

    /// Closes the actor's account, for a person who gave the password again.
    pub fn close_account(&self, actor: &Actor, password: &str) -> Answer<ClosePlan> {
        let person = self.allow(actor, Permission::Account)?;
        let plan = self.close_plan(actor)?;
        self.not_held(person.account)?;
        self.same_person(actor, person, password)?;
        self.writer()?;
        let _alone = self.keeping.alone(person.account);
        let closed = self.store.close_account(person.account, &actor.act(person, "close-account", ""));
        self.forget_notices();
        let uploads = match closed {
            // Set since it was looked at.
            Err(store::Error::Held) => return Err(held()),
            closed => closed?,
        };
        for id in uploads {
            self.remove_upload(&id)?;
        }
        // What the database's own files still hold goes later, for all that was erased meanwhile.
        self.drop_files(person.account)?;
        Ok(plan)
    }

    /// Refuses what a legal hold forbids.
    pub(crate) fn not_held(&self, account: i64) -> Answer<()> {
        if self.store.hold(account)?.is_some() { Err(held()) } else { Ok(()) }
    }
}

fn held() -> Refusal {
    Refusal { why: Why::Conflict, error: Error::held() }
}

fn lost(records: u64, waiting: u64) -> Vec<Sentence> {
    let mut lost = vec![
        say(
            format!("{records} 条记录是谁的、声明了什么：披露值、盐和账户的密钥全部销毁。账本里只有它们的摘要，此后谁也打不开，包括运营者和法院"),
            format!("whose {records} records are and what they claim: disclosures, salts and the account's key are destroyed. The ledger has only their digests, which nobody can open again, the operator and a court included"),
        ),
        say(
            "不能再出具证书或证据包，也不能续期：还需要的，请先全部下载".into(),
            "no certificate or package can be made again, and none renewed: download first whatever is still needed".into(),
        ),
        say(
            "留存的原件和取证文件被销毁（别的账户自己登记过同样内容的除外）；没有别的副本，就不能再与账本中的摘要比对".into(),
            "kept originals and captures are destroyed, unless another account registered the same bytes itself; without another copy nothing can be held against the digests on the ledger".into(),
        ),
        say(
            "分享链接、令牌、回调、排队中的取证和所有登录立即结束".into(),
            "links, tokens, web hooks, captures in the queue and all sessions end at once".into(),
        ),
    ];
    if waiting > 0 {
        lost.push(say(
            format!("{waiting} 条声明还没有时间戳，此后不会进入账本"),
            format!("{waiting} statements have no time-stamp yet, and will never be on the ledger"),
        ));
    }
    lost
}

fn stays(records: u64) -> Vec<Sentence> {
    vec![
        say(
            format!("账本不变：{records} 条 record.json 仍公开编号、时间和文件摘要，没有姓名、名称或内容"),
            format!("the ledger: the record.json of {records} records still show number, times and the files' digests, no name, title or content"),
        ),
        say(
            "已经导出的证书和证据包自带全部证据，仍然有效，仍然显示权利人".into(),
            "certificates and packages that were exported carry all their evidence: they stay valid and still show the owner".into(),
        ),
        say(erase::SCRUBBED.0.into(), erase::SCRUBBED.1.into()),
        say(
            "操作日志只留编号、时间和本程序自己的用语（哪种操作、哪项权限），人写的内容都不留".into(),
            "the audit log keeps numbers, times and words of this program (which act, which permission), nothing that a person typed".into(),
        ),
        say(
            "此前的备份不在本文件夹内：其中的数据要等运营者销毁那些备份才消失".into(),
            "earlier backups lie outside this folder: what is in them goes when the operator destroys them".into(),
        ),
    ]
}

fn say(zh: String, en: String) -> Sentence {
    erase::Sentence { zh, en }
}
