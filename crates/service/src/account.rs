//! Who may do what: the one door at which permission is asked.
//!
//! Rules:
//! - An [`Actor`] is made here alone, from a session, so nobody else can say who is acting.
//! - [`Folder::allow`] is the only place that decides; use cases ask it first, callers translate its [`Refusal`].
//! - A main account may do everything that is its account's, while that is open. A sub-account may do what a main account
//!   permits. Both are asked of the database each time: what is taken away in mid-act is refused at the next.
//! - Who acts by a token may do what the token is for, and never more than its person.
//! - What belongs to another account is *not found*, never *forbidden*: a number tells nobody that it exists.

mod audit;
mod bulk;
mod capture;
mod captured;
mod closing;
mod codes;
mod declared;
mod deposit;
mod hooks;
mod identities;
mod library;
mod licence_links;
mod licences;
mod listing;
mod looked;
mod merchants;
mod notices;
mod operator;
mod overview;
mod packed;
mod passkeys;
mod people;
mod public;
mod record;
mod refusal;
mod reset;
mod review;
mod room;
mod share;
mod shops;
mod sign_up;
mod snapshot;
mod subs;
mod takeout;
mod tokens;
mod unzip;
mod upload;

pub use audit::AUDIT_PAGE;
pub use bulk::{Chosen, MAX_BULK};
pub use capture::{CaptureShown, MAX_PAGES};
pub use captured::{Captured, CapturedFile, Lookup, MAX_CAPTURED};
pub use closing::ClosePlan;
pub use codes::Offer;
pub use declared::{Declared, MAX_DECLARED};
pub(crate) use deposit::Staging;
pub use deposit::{MAX_UPLOAD, Staged};
pub use hooks::{HOOK_EVENTS, HookShown};
pub use library::{Item, SHELF_KINDS, SHELF_PAGE, Search, Shelf};
pub use licence_links::{LinkedLicence, MAX_LICENCE_LINK_DAYS};
pub use licences::{LicencePreview, LicenceShown, LicensedPicture, MAX_COVERED};
pub use listing::{Listing, MAX_LISTED};
pub use looked::{Alike, Leaf, MAX_LOOKED};
pub use merchants::{MERCHANTS_PAGE, MerchantShown};
pub(crate) use notices::Cached as CachedNotices;
pub use notices::{MAX_NOTICE, MAX_NOTICE_DAYS, NewNotice, NoticeShown, NoticeTold};
pub use operator::House;
pub use overview::Overview;
pub use packed::Packed;
pub(crate) use passkeys::Confirmed;
pub use passkeys::{Asked, Brought};
pub(crate) use people::first as people_first;
pub use people::{FirstSignIn, MAX_PASSWORD, MIN_PASSWORD, OpenSession, Opened, SignedIn};
pub use public::{Digester, MAX_STAMP_REQUEST};
pub use record::{Kept, Shown, Told};
pub use refusal::{Answer, Refusal, Why};
pub use reset::{RESET_MINUTES, reset_sign_in};
pub use review::{DocumentShown, Identity, MAX_DOCUMENT, MAX_DOCUMENTS, ReviewShown};
pub use room::{Bytes, DeadShown, GivenShown, Health, OrdersShown, QueueShown, ROOM_PAGE};
pub use share::{Link, Linked, MAX_SHARE_DAYS, Open, SHOWS};
pub use shops::MAX_SHOPS;
pub use sign_up::{Invited, MAX_INVITATION_DAYS, NewMerchant, SignUps, SignedUp};
pub use subs::{MAX_INVITE_DAYS, MAX_PEOPLE, MAX_WORDS, Permitted, Team};
pub use takeout::Takeout;
pub use tokens::{MAX_TOKEN_DAYS, SCOPES};
pub(crate) use upload::Hands;
pub use upload::{Checksum, Piece, Upload};

use crate::{Folder, Result, clock};
use store::{OWNER_ACCOUNT, Role, Session, SignIn};

/// Whose a request is: the folder's owner's, unless somebody of another account acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account(pub(crate) i64);

impl Default for Account {
    fn default() -> Self {
        Self(OWNER_ACCOUNT)
    }
}

/// Who acts, for whom, and by what right.
#[derive(Clone, Debug)]
pub struct Actor {
    via: Via,
}

#[derive(Clone, Debug)]
enum Via {
    Visitor,
    Session { person: SignIn, session: i64 },
    Token { person: SignIn, token: i64, scopes: Vec<String> },
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// See an account's own pages.
    View,
    /// Register files.
    Deposit,
    /// Have pages captured.
    Capture,
    /// See the queue of captures: what one ordered oneself, and all of it where one may look.
    Queue,
    /// Take certificates, packages and originals away.
    Download,
    /// Destroy what opens a record.
    Erase,
    /// Drop the bytes of a capture.
    Discard,
    /// Make, see and end links to a record.
    Share,
    /// See and end one's own sessions.
    Sessions,
    /// Make, see and end one's own API tokens.
    Tokens,
    /// See, make, pause and end the account's web hooks.
    Hooks,
    /// Change one's own password and codes.
    Secrets,
    /// Let others use what is registered.
    Licences,
    /// Invite, change and end sub-accounts; see who did what.
    People,
    /// Decide for the account as a whole: identity, edition, shops, closing.
    Account,
    /// Run this folder for everybody else.
    Operate,
}

/// What a sub-account can be permitted, one by one.
pub const PERMISSIONS: [&str; 6] = ["register", "capture", "view", "download", "licences", "people"];

impl Actor {
    /// Nobody who is known.
    pub fn visitor() -> Self {
        Self { via: Via::Visitor }
    }

    fn of_token(person: SignIn, token: i64, scopes: &str) -> Self {
        Self { via: Via::Token { person, token, scopes: scopes.split(' ').map(str::to_owned).collect() } }
    }

    fn of(person: SignIn, session: &Session) -> Self {
        Self { via: Via::Session { person, session: session.id } }
    }

    /// The name to show; `None` for a visitor.
    pub fn name(&self) -> Option<&str> {
        self.person().map(|p| p.name.as_str())
    }

    /// Whether this is who runs the folder for everybody else.
    pub fn operates(&self) -> bool {
        matches!(&self.via, Via::Session { person, .. } if person.operator)
    }

    /// The person's number; `None` for a visitor.
    pub fn person_number(&self) -> Option<i64> {
        self.person().map(|person| person.id)
    }

    /// Whose account it is; `None` for a visitor.
    pub fn account(&self) -> Option<i64> {
        self.person().map(|person| person.account)
    }

    /// Whether this is a sub-account.
    pub fn is_sub(&self) -> bool {
        self.person().is_some_and(|person| person.role == Role::Sub)
    }

    /// What a sub-account may do, words apart by spaces, as it was when the request came; all of them for a main account.
    pub fn permissions(&self) -> String {
        let own = |person: &SignIn| {
            if person.role == Role::Main { PERMISSIONS.join(" ") } else { person.permissions.clone() }
        };
        self.person().map(own).unwrap_or_default()
    }

    /// The session that this is; `None` for a visitor.
    pub fn session(&self) -> Option<i64> {
        match &self.via {
            Via::Session { session, .. } => Some(*session),
            Via::Token { .. } | Via::Visitor => None,
        }
    }

    /// The token that this is; `None` for everybody else.
    pub fn token(&self) -> Option<i64> {
        match &self.via {
            Via::Token { token, .. } => Some(*token),
            Via::Session { .. } | Via::Visitor => None,
        }
    }

    fn person(&self) -> Option<&SignIn> {
        match &self.via {
            Via::Session { person, .. } | Via::Token { person, .. } => Some(person),
            Via::Visitor => None,
        }
    }
}

impl Folder {
    /// The door. Gives the person whose act it is, for the audit log and the record.
    /// What matters of a refusal is noted there too.
    pub(crate) fn allow<'a>(&self, actor: &'a Actor, permission: Permission) -> Answer<&'a SignIn> {
        self.decide(actor, permission).map_err(|refusal| {
            let word = match refusal.why {
                Why::Ask(word) => word.to_owned(),
                Why::Forbidden => format!("{permission:?}").to_lowercase(),
                _ => return refusal,
            };
            let Some(person) = actor.person() else { return refusal };
            self.note_refused(actor, person, &word);
            refusal.code(refusal::NOT_PERMITTED)
        })
    }

    fn decide<'a>(&self, actor: &'a Actor, permission: Permission) -> Answer<&'a SignIn> {
        let person = actor.person().ok_or_else(Refusal::unknown)?;
        // Also a main account: another of it may have closed it since the request came.
        let now = self.store.standing(person.id)?.ok_or_else(Refusal::unknown)?;
        if let Via::Token { scopes, .. } = &actor.via {
            match permission.scope() {
                Some(scope) if scopes.iter().any(|s| s == scope) => {}
                Some(scope) => {
                    let zh = format!("这个令牌没有“{scope}”用途");
                    return Err(Refusal::new(Why::Forbidden, zh, format!("this token is not for {scope}")));
                }
                None => return Err(Refusal::new(Why::Forbidden, "令牌不能做这件事", "no token may do this")),
            }
        }
        if permission == Permission::Operate {
            // Who does not run the folder is not told what there is to run.
            let none =
                || Refusal::new(Why::NotFound, "没有这个页面；请检查网址", "there is no such page; check the address");
            return if person.operator { Ok(person) } else { Err(none()) };
        }
        if person.role == Role::Main {
            return Ok(person);
        }
        match permission.of_sub() {
            Grant::Own => Ok(person),
            Grant::Any(words) if now.permissions.split(' ').any(|w| words.contains(&w)) => Ok(person),
            Grant::Any([word, ..]) => Err(Refusal::ask(word)),
            Grant::Any([]) | Grant::Main => {
                Err(Refusal::new(Why::Forbidden, "只有主账户可以做这件事", "only the main account may do this"))
            }
        }
    }

    /// Asks at the door alone: for what has to be answered before anything is read.
    pub fn may(&self, actor: &Actor, permission: Permission) -> Answer<()> {
        self.allow(actor, permission).map(|_| ())
    }

    /// Whether it would be allowed: for what is shown or left out.
    pub fn can(&self, actor: &Actor, permission: Permission) -> bool {
        self.decide(actor, permission).is_ok()
    }

    /// Writes the audit log's line of an act that was allowed.
    pub(crate) fn note(&self, actor: &Actor, person: &SignIn, act: &'static str, subject: &str) -> Result<()> {
        Ok(self.store.note_act(&actor.act(person, act, subject))?)
    }
}

impl Actor {
    /// The audit log's line of an act that was allowed.
    pub(crate) fn act(&self, person: &SignIn, act: &'static str, subject: &str) -> store::Act {
        let (account, sign_in) = (person.account, Some(person.id));
        let via = match &self.via {
            Via::Token { token, .. } => format!("token {token}"),
            Via::Session { session, .. } => format!("session {session}"),
            Via::Visitor => "visitor".to_owned(),
        };
        store::Act { at: clock::now().0, account, sign_in, via, act, subject: subject.to_owned() }
    }
}

/// What a sub-account needs for an act.
enum Grant {
    /// Nothing: it is its own.
    Own,
    /// One of these, of [`PERMISSIONS`].
    Any(&'static [&'static str]),
    /// A main account does it.
    Main,
}

impl Permission {
    /// What a sub-account needs for it.
    fn of_sub(self) -> Grant {
        match self {
            Self::Sessions | Self::Tokens | Self::Secrets => Grant::Own,
            Self::View => Grant::Any(&["view"]),
            Self::Deposit => Grant::Any(&["register"]),
            Self::Capture => Grant::Any(&["capture"]),
            Self::Queue => Grant::Any(&["capture", "view"]),
            // A link hands on what can be downloaded.
            Self::Download | Self::Share => Grant::Any(&["download"]),
            Self::Licences => Grant::Any(&["licences"]),
            Self::People => Grant::Any(&["people"]),
            Self::Discard | Self::Erase | Self::Hooks | Self::Account | Self::Operate => Grant::Main,
        }
    }

    /// Which scope a token needs for it; `None`: no token has it.
    fn scope(self) -> Option<&'static str> {
        match self {
            Self::View | Self::Queue | Self::Download => Some("read"),
            Self::Deposit => Some("deposit"),
            Self::Capture => Some("capture"),
            Self::Licences => Some("licences"),
            Self::Discard
            | Self::Erase
            | Self::Hooks
            | Self::Share
            | Self::Sessions
            | Self::Tokens
            | Self::Secrets
            | Self::People
            | Self::Account
            | Self::Operate => None,
        }
    }
}
