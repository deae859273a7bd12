//! `deposit` through a server: each file in a call of its own, or digests alone, many in one.

use super::{Call, Server, UNUSABLE, line::line, not_understood, printable};
use serde_json::json;
use service::{Error, MAX_UPLOAD, Outgoing, Sent};
use std::{
    cell::{Cell, RefCell},
    io::{Cursor, Read},
};

/// Calls that are on their way side by side: while one file is sent, another waits for its seal.
pub(crate) const AT_ONCE: usize = 4;
/// Files whose digests share a call.
pub(crate) const TOGETHER: usize = 100;

/// Sends one file.
pub(crate) fn file(server: &Server, file: &Outgoing, progress: &mut dyn FnMut(u64)) -> Sent {
    match bytes(server, file, progress) {
        Ok(answer) => told(file, &answer),
        Err(error) if error.code == UNUSABLE => Sent::Ended(error),
        Err(error) => Sent::Refused(error),
    }
}

/// Sends digests alone, of some files in one call.
pub(crate) fn digests(server: &Server, files: &[Outgoing], progress: &mut dyn FnMut(u64)) -> Vec<Sent> {
    let answer = batch(server, files);
    progress(files.iter().map(|file| file.digests.size).sum());
    let lines = answer.and_then(|answer| match answer["deposits"].as_array() {
        Some(lines) if lines.len() == files.len() => Ok(lines.clone()),
        _ => Err(not_understood()),
    });
    match lines {
        Ok(lines) => files.iter().zip(&lines).map(|(file, line)| told(file, line)).collect(),
        Err(error) => files.iter().map(|_| Sent::Ended(error.clone())).collect(),
    }
}

/// What the server says of a file.
fn told(file: &Outgoing, answer: &serde_json::Value) -> Sent {
    if answer["status"] == "failed" {
        let said = answer["error"].as_str().unwrap_or_default();
        // Both languages come in one sentence.
        let (zh, en) = said.split_once(" / ").unwrap_or((said, said));
        return Sent::Refused(Error::new(printable(zh), printable(en)));
    }
    match line(answer) {
        Ok(line) if line.sha256.as_deref() == Some(&*hex(&file.digests.sha256)) => Sent::Line(Box::new(line)),
        Ok(_) => Sent::Refused(other_bytes(file)),
        Err(error) => Sent::Ended(error),
    }
}

fn batch(server: &Server, files: &[Outgoing]) -> service::Result<serde_json::Value> {
    let told = files.iter().map(|file| {
        let mut told = json!(file.claims);
        told["sha256"] = hex(&file.digests.sha256).into();
        told["sm3"] = hex(&file.digests.sm3).into();
        told["size"] = file.digests.size.into();
        told["media_type"] = file.media_type.into();
        told["file_name"] = file.file_name.as_str().into();
        told
    });
    let told = json!({"deposits": told.collect::<Vec<_>>()}).to_string().into_bytes();
    server.post(&mut Call {
        path: "/api/v1/deposits:batch?wait=proof",
        key: &service::random_word()?,
        media_type: "application/json",
        length: told.len() as u64,
        body: &mut || Ok(Box::new(Cursor::new(told.clone()))),
    })
}

fn bytes(server: &Server, file: &Outgoing, progress: &mut dyn FnMut(u64)) -> service::Result<serde_json::Value> {
    if file.digests.size > MAX_UPLOAD {
        let (shown, most) = (service::show_path(&file.path), MAX_UPLOAD >> 30);
        return Err(Error::new(
            format!("{shown}：超过 {most} GiB，不能经由服务器登记；请用 --digest-only，或在服务器上用 --data"),
            format!(
                "{shown}: longer than {most} GiB, so no server takes it; use --digest-only, or --data on the server"
            ),
        ));
    }
    if file.file_name.contains('\\') {
        let shown = service::show_path(&file.path);
        return Err(Error::new(
            format!("{shown}：名称中有反斜杠，服务器会当作文件夹；请改名后重试"),
            format!("{shown}: its name has a backslash, which the server takes for a folder; rename it and try again"),
        ));
    }
    let edge = service::random_word()?;
    let (head, tail) = (head(file, &edge), format!("\r\n--{edge}--\r\n"));
    let length = head.len() as u64 + file.digests.size + tail.len() as u64;
    let (most, progress) = (Cell::new(0), RefCell::new(progress));
    server.post(&mut Call {
        path: "/api/v1/deposits?wait=proof",
        key: &service::random_word()?,
        media_type: &format!("multipart/form-data; boundary={edge}"),
        length,
        body: &mut || {
            let file = Counted { inner: file.body()?, sent: 0, most: &most, progress: &progress };
            Ok(Box::new(Cursor::new(head.clone()).chain(file).chain(Cursor::new(tail.clone()))))
        },
    })
}

/// Fields, then the file's own head (RFC 7578).
fn head(file: &Outgoing, edge: &str) -> Vec<u8> {
    let mut head = String::new();
    for (name, value) in &file.claims {
        head += &format!("--{edge}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    // A claimed name has no control characters.
    let name = file.file_name.replace('"', "\\\"");
    head += &format!(
        "--{edge}\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\ncontent-type: {}\r\n\r\n",
        file.media_type
    );
    head.into_bytes()
}

/// Says what is sent; what an earlier try sent is not said again.
struct Counted<'a, R, F> {
    inner: R,
    sent: u64,
    most: &'a Cell<u64>,
    progress: &'a RefCell<F>,
}

impl<R: Read, F: FnMut(u64)> Read for Counted<'_, R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.sent += n as u64;
        if let Some(more) = self.sent.checked_sub(self.most.get()).filter(|more| *more > 0) {
            self.most.set(self.sent);
            (self.progress.borrow_mut())(more);
        }
        Ok(n)
    }
}

fn hex(bytes: &[u8]) -> String {
    evidence::hex::encode(bytes)
}

fn other_bytes(file: &Outgoing) -> Error {
    let shown = service::show_path(&file.path);
    Error::new(
        format!("{shown}：服务器登记的摘要与此文件不同；请重试，并检查网络与服务器"),
        format!("{shown}: the server recorded other digests than this file's; try again, and check network and server"),
    )
}
