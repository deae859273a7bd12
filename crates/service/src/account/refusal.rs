//! Why an act was refused, in the caller's terms and in a person's words.

use crate::Error;
use store::Left;

/// What kind of refusal it is: what a caller turns into a status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Nobody is signed in.
    SignIn,
    /// Known, but not allowed.
    Forbidden,
    /// Known, and permitted once a main account says so: the permission that is missing.
    Ask(&'static str),
    /// There is none, or it is another account's.
    NotFound,
    /// A value that was given; its field's name.
    Field(&'static str),
    /// The same, where it is only too long.
    TooLarge(&'static str),
    /// Something of a form that is not taken.
    MediaType,
    /// There was one, and it has ended.
    Gone,
    /// It is so already, or something else stands there.
    Conflict,
    /// Too often; seconds to wait.
    Slow(u64),
    /// Somebody is at it; soon again.
    Busy,
    /// Not what its checksum says.
    Checksum,
    /// The account has too little left of what this takes, or its edition lacks it: what is left.
    Quota(Left),
    /// There is no room.
    Full,
    /// Something here did not work.
    Failed,
}

/// A refusal: its kind and its sentence.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its kind.
    pub why: Why,
    /// Which value, and the way out.
    pub error: Error,
}

/// Codes of refusals that the audit log tells of in words of their own.
pub(super) const NOT_PERMITTED: &str = "not-permitted";
pub(super) const WRONG_PASSWORD: &str = "wrong-password";
pub(super) const WRONG_CODE: &str = "wrong-code";

/// Shorthand.
pub type Answer<T> = std::result::Result<T, Refusal>;

impl Refusal {
    /// A refusal of this kind.
    pub fn new(why: Why, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { why, error: Error::new(zh, en) }
    }

    /// A value of this field.
    pub fn field(name: &'static str, zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self::new(Why::Field(name), zh, en)
    }

    /// A sub-account lacks this permission.
    pub(crate) fn ask(permission: &'static str) -> Self {
        let (zh, en) = match permission {
            "register" => ("存证", "to register"),
            "capture" => ("网页取证", "to capture pages"),
            "view" => ("查看", "to view"),
            "download" => ("下载和分享", "to download and share"),
            "licences" => ("授权", "to license"),
            _ => ("管理子账户", "to manage people"),
        };
        let en = format!("this sub-account is not permitted {en}; ask the main account");
        Self::new(Why::Ask(permission), format!("这个子账户没有“{zh}”权限；请向主账户申请"), en)
    }

    /// Whether the audit log told of it when it was made.
    pub fn is_noted(&self) -> bool {
        [NOT_PERMITTED, WRONG_PASSWORD, WRONG_CODE].contains(&self.error.code)
    }

    /// The same with a word for programs.
    pub(crate) fn code(self, code: &'static str) -> Self {
        Self { error: self.error.code(code), ..self }
    }

    /// Nobody has signed in.
    pub(crate) fn unknown() -> Self {
        Self::new(Why::SignIn, "请先登录", "sign in first")
    }
}

/// What goes wrong without anybody's doing.
impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { why: Why::Failed, error }
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        let why =
            if matches!(error, store::Error::NoAccount | store::Error::Held) { Why::Conflict } else { Why::Failed };
        Self { why, error: error.into() }
    }
}
