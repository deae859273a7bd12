//! A time server (NTP) on loopback, as right or as wrong as the test wants it.

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Seconds from 1900 to 1970.
const ERA: i64 = 2_208_988_800;

/// Answers until it is dropped. A stranger's datagram goes before each answer.
pub struct Server {
    /// `127.0.0.1:PORT`.
    pub at: String,
    /// Microseconds by which its clock is ahead of this machine's; may be turned while it runs.
    pub ahead: Arc<AtomicI64>,
    /// Questions so far.
    pub questions: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// A clock `ahead` of ours by so many microseconds; `change` has the last word on each answer.
    pub fn new(ahead: i64, change: fn(&mut [u8; 48])) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap().to_string();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let (ahead, questions, stop) =
            (Arc::new(AtomicI64::new(ahead)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let own = Self { at, ahead: ahead.clone(), questions: questions.clone(), stop: stop.clone() };
        std::thread::spawn(move || {
            let mut question = [0; 48];
            while !stop.load(Ordering::Relaxed) {
                let Ok((_, who)) = socket.recv_from(&mut question) else { continue };
                questions.fetch_add(1, Ordering::Relaxed);
                let mut answer = answer(&question, ahead.load(Ordering::Relaxed));
                change(&mut answer);
                let _ = socket.send_to(b"a stranger's", who);
                let _ = socket.send_to(&answer, who);
            }
        });
        own
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// RFC 5905, 7.3: version 4, server, stratum 2; the question's transmit time comes back as the origin's.
fn answer(question: &[u8; 48], ahead: i64) -> [u8; 48] {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap() + ahead;
    let mut answer = [0; 48];
    (answer[0], answer[1]) = (0x24, 2);
    answer[24..32].copy_from_slice(&question[40..]);
    let seconds = u32::try_from(now.div_euclid(1_000_000) + ERA).unwrap();
    let fraction = u32::try_from((now.rem_euclid(1_000_000) << 32) / 1_000_000).unwrap();
    for at in [32, 40] {
        answer[at..at + 4].copy_from_slice(&seconds.to_be_bytes());
        answer[at + 4..at + 8].copy_from_slice(&fraction.to_be_bytes());
    }
    answer
}
