//! Stopping in order: what was acknowledged is there afterwards.

use crate::{
    house::{House, program, read, token},
    text,
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    io::Write,
    net::{SocketAddr, TcpStream},
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// One deposit by digests; its number, where it was acknowledged.
fn deposit(at: SocketAddr, bearer: &str, n: u32) -> Option<String> {
    let body = serde_json::json!({
        "sha256": format!("{n:064x}"), "sm3": format!("{:064x}", n ^ 1), "size": 7, "media_type": "image/jpeg"
    });
    let body = body.to_string();
    let head = format!(
        "POST /api/v1/deposits HTTP/1.1\r\nhost: {at}\r\nconnection: close\r\nauthorization: {bearer}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    // The portal may be gone at any of these.
    let mut stream = TcpStream::connect(at).ok()?;
    stream.write_all((head + &body).as_bytes()).ok()?;
    let answer = read(stream);
    if ![200, 201].contains(&answer.status) {
        return None;
    }
    let line: Value = serde_json::from_str(&answer.body).ok()?;
    line["id"].as_str().map(str::to_owned)
}

#[test]
fn no_acknowledged_deposit_is_lost_when_the_portal_is_told_to_stop() {
    let (house, mut owner) = House::set_up_with(&["--api-calls", "0"]);
    let bearer = format!("Bearer {}", token(&mut owner, &["deposit"]));
    let ended = AtomicBool::new(false);
    let (acknowledged, work) = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8u32)
            .map(|client| {
                let (at, bearer, ended) = (house.address, bearer.as_str(), &ended);
                scope.spawn(move || {
                    let mut acknowledged = Vec::new();
                    for n in 0..100_000 {
                        if ended.load(Ordering::SeqCst) {
                            break;
                        }
                        acknowledged.extend(deposit(at, bearer, client << 20 | n | 0x1000_0000));
                    }
                    acknowledged
                })
            })
            .collect();
        std::thread::sleep(Duration::from_secs(2));
        let (work, code) = house.stop();
        assert_eq!(code, Some(0));
        ended.store(true, Ordering::SeqCst);
        let acknowledged: Vec<String> = clients.into_iter().flat_map(|c| c.join().unwrap()).collect();
        (acknowledged, work)
    });
    assert!(acknowledged.len() > 8, "{}", acknowledged.len());
    let run = |arguments: &[&str]| program(&work).args(arguments).output().unwrap();
    let checked = run(&["admin", "ledger-check", "--data", "data"]);
    assert!(checked.status.success(), "{}", text(&checked));
    let listed = run(&["list", "--data", "data", "--json"]);
    let kept: BTreeSet<String> = String::from_utf8_lossy(&listed.stdout)
        .lines()
        .filter_map(|l| serde_json::from_str::<Value>(l).ok()?["id"].as_str().map(str::to_owned))
        .collect();
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !kept.contains(*id)).collect();
    assert!(lost.is_empty(), "{} of {} lost: {lost:?}", lost.len(), acknowledged.len());
}
