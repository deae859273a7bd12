//! Deposits by digests over loopback HTTP, as fast as they are acknowledged: `load ADDRESS TOKEN CONNECTIONS SECONDS`.
//!
//! Every request tells digests that nobody told before, on a connection that stays open, and is counted when its answer is
//! 201. Prints one line of JSON: how many, in how long, and the latency's median and 99th percentile. Only the standard
//! library, so that the generator takes little of the machine that it measures.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let [address, token, connections, seconds] = args.as_slice() else {
        panic!("load ADDRESS TOKEN CONNECTIONS SECONDS");
    };
    let (connections, seconds): (usize, u64) = (connections.parse().unwrap(), seconds.parse().unwrap());
    // Another run tells other digests.
    let run = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let (next, begun) = (AtomicU64::new(0), Instant::now());
    let until = begun + Duration::from_secs(seconds);
    let mut took: Vec<Duration> = thread::scope(|scope| {
        let threads: Vec<_> =
            (0..connections).map(|_| scope.spawn(|| deposits(address, token, run, &next, until))).collect();
        threads.into_iter().flat_map(|t| t.join().unwrap()).collect()
    });
    let whole = begun.elapsed().as_secs_f64();
    took.sort();
    let at = |share: usize| took.get(took.len() * share / 100).map_or(0.0, |d| d.as_secs_f64() * 1000.0);
    println!(
        "{{\"deposits\":{},\"seconds\":{whole:.2},\"per_second\":{:.0},\"median_ms\":{:.1},\"p99_ms\":{:.1}}}",
        took.len(),
        took.len() as f64 / whole,
        at(50),
        at(99)
    );
}

/// One connection's deposits: how long each took.
fn deposits(address: &str, token: &str, run: u128, next: &AtomicU64, until: Instant) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap());
    let (mut took, mut line, mut body) = (Vec::new(), String::new(), Vec::new());
    while Instant::now() < until {
        let n = next.fetch_add(1, Ordering::Relaxed);
        let told = format!(
            "{{\"sha256\":\"{run:032x}{n:032x}\",\"sm3\":\"{n:032x}{run:032x}\",\"size\":7,\"media_type\":\"image/jpeg\"}}"
        );
        let request = format!(
            "POST /api/v1/deposits HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{told}",
            told.len()
        );
        let sent = Instant::now();
        stream.write_all(request.as_bytes()).unwrap();
        let (mut length, mut status) = (0, String::new());
        loop {
            line.clear();
            answers.read_line(&mut line).unwrap();
            let head = line.trim_end();
            if head.is_empty() {
                break;
            }
            if status.is_empty() {
                status = head.to_owned();
            } else if let Some(n) = head.strip_prefix("content-length: ") {
                length = n.parse().unwrap();
            }
        }
        body.resize(length, 0);
        answers.read_exact(&mut body).unwrap();
        assert!(status.contains(" 201 "), "{status}: {}", String::from_utf8_lossy(&body));
        took.push(sent.elapsed());
    }
    took
}
