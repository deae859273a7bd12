//! Refusals in the reader's words. No library's error reaches a person raw: each is put into a sentence here.

use std::path::Path;

/// A refusal that a person can act on: which value, and the way out, in Chinese and English.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{en}")]
pub struct Error {
    /// Chinese sentence.
    pub zh: String,
    /// The same in English.
    pub en: String,
    /// The process's exit code: 2, or 3 where something is only missing yet.
    pub exit: u8,
    /// A word for programs, in reports.
    pub code: &'static str,
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A refusal (exit 2).
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into(), exit: 2, code: "refused" }
    }

    /// Nothing contradicts, but something is not there yet (exit 3).
    pub(crate) fn incomplete(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { exit: 3, ..Self::new(zh, en) }
    }

    /// The same with another word for programs.
    pub(crate) fn code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// A file operation that failed, with what can be done about it.
    pub(crate) fn io(path: &Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        let shown = show_path(path);
        let (code, zh, en) = match error.kind() {
            K::NotFound => {
                ("not-found", "没有这个文件或文件夹；请检查路径", "there is no such file or folder; check the path")
            }
            K::PermissionDenied => (
                "permission",
                "没有权限；请更改权限或换一个用户",
                "permission denied; change the permissions or the user",
            ),
            K::StorageFull | K::QuotaExceeded => {
                ("disk-full", "磁盘已满；请腾出空间后重试", "the disk is full; free some space and try again")
            }
            K::ReadOnlyFilesystem => {
                ("read-only", "所在文件系统只读；请换一个位置", "the file system is read-only; choose another place")
            }
            K::AlreadyExists => ("exists", "已经存在；请换一个名称", "it exists already; choose another name"),
            K::IsADirectory => ("folder", "这是文件夹，不是文件", "it is a folder, not a file"),
            // `ErrorKind::FilesystemLoop` is not stable yet.
            _ if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                ("loop", "链接成环；请给出链接所指的文件", "the links form a loop; name the file that is meant")
            }
            _ => {
                return Self::new(
                    format!("{shown}：读写失败（{error}）；请检查磁盘后重试"),
                    format!("{shown}: reading or writing failed ({error}); check the disk and try again"),
                )
                .code("io");
            }
        };
        Self::new(format!("{shown}：{zh}"), format!("{shown}: {en}")).code(code)
    }
}

impl Error {
    /// What a legal hold forbids.
    pub(crate) fn held() -> Self {
        Self::new(
            "这个账户处于法定保全之中，不能删除、放弃或注销；请联系运营者",
            "a legal hold stands on this account: nothing of it can be erased or discarded, nor the account closed; ask whoever runs this",
        )
    }
}

/// Both sentences in one: the `error` key of JSON.
impl serde::Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{} / {}", self.zh, self.en))
    }
}

/// The whole of a small file of ours.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| Error::io(path, &e))
}

/// A path for people: no control or bidi-control character reaches a terminal raw.
pub fn show_path(path: &Path) -> String {
    path.to_string_lossy()
        .chars()
        .map(|c| {
            let hidden = c.is_control() || evidence::json::check_string("path", c.encode_utf8(&mut [0; 4])).is_err();
            if hidden { format!("\\u{{{:x}}}", u32::from(c)) } else { c.to_string() }
        })
        .collect()
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match &error {
            store::Error::Version { found, known } if found > known => Self::new(
                format!("数据文件夹由更新的版本写成（布局 {found}，本版本识别 {known}）；请使用更新的 quezao"),
                format!(
                    "the folder was written by a newer release (layout {found}, this one knows {known}); use a newer quezao"
                ),
            ),
            store::Error::NoMasterKey => Self::new(
                "没有主密钥，商户的数据打不开；请放回 keys/master 或 QUEZAO_MASTER_KEY_FILE 所指的文件",
                "merchants' data do not open without the master key; put back keys/master or the file that QUEZAO_MASTER_KEY_FILE names",
            ),
            store::Error::Sealed => Self::new(
                "商户的数据打不开：主密钥不是写入时的那一个，或数据已损坏；请放回原来的主密钥，或从备份恢复",
                "a merchant's data do not open: another master key, or damage; put back the key that was there, or restore a backup",
            ),
            store::Error::Held => Self::held(),
            store::Error::NoAccount => Self::new("这个账户已经注销", "this account is closed"),
            full if full.disk_full() => Self::new(
                "数据库所在的磁盘已满；请腾出空间后重试，已确认的记录不受影响",
                "the disk that the database is on is full; free some space and try again; acknowledged records are safe",
            )
            .code("disk-full"),
            _ => Self::new(
                format!("数据库未能完成操作（{error}）；请检查磁盘空间与权限后重试，已确认的记录不受影响"),
                format!(
                    "the database could not do this ({error}); check disk space and permissions and try again; acknowledged records are safe"
                ),
            ),
        }
    }
}

impl From<evidence::Error> for Error {
    fn from(error: evidence::Error) -> Self {
        Self::new(
            format!("数据不符合格式（{}）", error.zh()),
            format!("the data does not have the promised form ({error})"),
        )
    }
}
