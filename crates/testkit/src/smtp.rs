//! A mail server (SMTP, in clear) on loopback that takes every letter and keeps it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Takes letters until the test ends.
pub struct Server {
    /// `127.0.0.1:PORT`.
    pub at: String,
    letters: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Takes every letter but those to an address with this word in it, which it refuses (550).
    pub fn new(refused: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (at, letters) = (listener.local_addr().unwrap().to_string(), Arc::<Mutex<Vec<String>>>::default());
        let own = Self { at, letters: letters.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let letters = letters.clone();
                std::thread::spawn(move || drop(talk(stream, refused, &letters)));
            }
        });
        own
    }

    /// What came so far: head, an empty line and body, as sent.
    pub fn letters(&self) -> Vec<String> {
        self.letters.lock().unwrap().clone()
    }
}

fn talk(mut stream: TcpStream, refused: &str, letters: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let mut say = |words: &str| stream.write_all(format!("{words}\r\n").as_bytes());
    say("220 testkit")?;
    while let Some(line) = lines.next().transpose()? {
        match line.get(..4).unwrap_or(&line) {
            "EHLO" | "HELO" => say("250 testkit")?,
            "RCPT" if line.contains(refused) => say("550 no such mailbox")?,
            "DATA" => {
                say("354 go on")?;
                let body = lines.by_ref().map_while(Result::ok).take_while(|l| l != ".");
                letters.lock().unwrap().push(body.collect::<Vec<_>>().join("\r\n"));
                say("250 taken")?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("250 yes")?,
        }
    }
    Ok(())
}
