//! A page that tries every way inward, from inside the browser: the guard's log, the hook through which every connection
//! is made, and the namespace's own interfaces and counters say that nothing left.
#![allow(clippy::unwrap_used)]

mod hosts;
mod site;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capture::guard::{Connect, Direct, What};
use capture::{Limits, Request};
use hosts::{Names, REFUSED};

/// Notes what leaves; nothing but loopback may.
struct Hook(Arc<Mutex<Vec<SocketAddr>>>);

impl Connect for Hook {
    fn connect(&self, to: SocketAddr, wait: Duration) -> io::Result<TcpStream> {
        self.0.lock().unwrap().push(to);
        if to.ip().is_loopback() { Direct.connect(to, wait) } else { Err(io::ErrorKind::ConnectionRefused.into()) }
    }
}

/// Every other way than `fetch`: sockets, peers, transports, hints, frames, workers, schemes.
const WAYS: &str = r#"
const add = (name, fields) => document.body.appendChild(Object.assign(document.createElement(name), fields));
const inward = ['10.0.0.1', '169.254.169.254', '[::1]', '[fd00::1]', 'private.example', 'localhost:22', '127.1:8080'];
const tried = [];
const way = (name, run) => { tried.push(name); try { run(); } catch (e) { tried.push(name + ' threw'); } };
for (const h of inward) {
  way('ws', () => new WebSocket(`ws://${h}/`));
  way('wss', () => new WebSocket(`wss://${h}/`));
  way('events', () => new EventSource(`http://${h}/`));
  way('beacon', () => navigator.sendBeacon(`http://${h}/`, 'x'));
  way('transport', () => new WebTransport(`https://${h.replace(/:\d+$/, '')}:443/`));
  way('image', () => add('img', { src: `http://${h}/i` }));
  way('script', () => add('script', { src: `http://${h}/s` }));
  way('style', () => add('link', { rel: 'stylesheet', href: `https://${h}/c` }));
  way('prefetch', () => add('link', { rel: 'dns-prefetch', href: `//${h}` }));
  way('preconnect', () => add('link', { rel: 'preconnect', href: `https://${h}` }));
  way('preload', () => add('link', { rel: 'preload', as: 'font', href: `https://${h}/f` }));
  way('icon', () => add('link', { rel: 'icon', href: `http://${h}/icon` }));
  way('frame', () => add('iframe', { src: `http://${h}/` }));
  way('refresh', () => add('iframe', { srcdoc: `<meta http-equiv=refresh content="0;url=http://${h}/">` }));
  way('video', () => add('video', { src: `http://${h}/v`, autoplay: true }));
  way('object', () => add('object', { data: `http://${h}/o` }));
  way('import', () => import(`http://${h}/m.js`).catch(() => {}));
  way('worker', () => new Worker(URL.createObjectURL(new Blob([`fetch('http://${h}/w')`]))));
  way('ping', () => add('a', { href: '#', ping: `http://${h}/p` }).click());
}
for (const server of ['stun:8.8.8.8:3478', 'stun:10.0.0.1:3478', 'turn:169.254.169.254:3478?transport=tcp'])
  way('peer', () => {
    const peer = new RTCPeerConnection({ iceServers: [{ urls: server, username: 'a', credential: 'b' }] });
    peer.createDataChannel('x');
    peer.createOffer().then((offer) => peer.setLocalDescription(offer));
  });
for (const url of ['file:///etc/passwd', 'chrome://version', 'view-source:http://10.0.0.1/', 'ftp://10.0.0.1/', 'filesystem:http://10.0.0.1/x'])
  way('scheme', () => { add('iframe', { src: url }); fetch(url).catch(() => {}); });
"#;

#[test]
fn two_hundred_ways_inward_and_no_packet_leaves() {
    if site::absent() {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let list: Vec<String> = REFUSED.split_whitespace().map(|host| format!("{host:?}")).collect();
    let page = format!(
        "<!doctype html><title>trying</title><body><script>{WAYS}
         // Some spellings mean a public address to a browser, which the guard then sees in its plain form.
         const open = ['1.2.0.3', '8.8.8.8', '1.1.1.1', '8.8.4.4', 'public.example'];
         const inwardly = (h) => {{ try {{ return !open.includes(new URL(`http://${{h}}/`).hostname); }} catch (e) {{ return true; }} }};
         const hosts = [{}].filter(inwardly);
         const all = hosts.flatMap((h) => [`http://${{h}}/`, `https://${{h}}/`]);
         Promise.allSettled(all.map((u) => {{ try {{ return fetch(u, {{ mode: 'no-cors' }}); }} catch (e) {{ return e; }} }}))
           .then(() => {{ document.title = `tried ${{all.length}} and ${{tried.length}}`; }});
         </script>",
        list.join(",")
    );
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut block = [0; 8192];
            let n = stream.read(&mut block).unwrap_or(0);
            let first = String::from_utf8_lossy(&block[..n]).lines().next().unwrap_or_default().to_owned();
            log.lock().unwrap().push(first);
            let length = page.len();
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n";
            let _ = write!(stream, "{head}Content-Length: {length}\r\n\r\n{page}");
        }
    });
    let mut order = Request::new(format!("http://127.0.0.1:{port}/"));
    order.machine.executable = Some(env!("CARGO_BIN_EXE_capture-probe").into());
    order.loopback.push(format!("127.0.0.1:{port}").parse().unwrap());
    let left = Arc::new(Mutex::new(Vec::new()));
    let limits = Limits { settle: Duration::from_secs(20), pdf: false, ..Limits::default() };
    let (names, hook) = (Box::new(Names::default()), Box::new(Hook(Arc::clone(&left))));
    let r = capture::run_with(&order, &limits, names, hook, &mut |_| {}).unwrap();

    // All were tried.
    let (fetched, others) = r.title.strip_prefix("tried ").and_then(|t| t.split_once(" and ")).expect(&r.title);
    assert!(fetched.parse::<usize>().unwrap() >= 380 && others.parse::<usize>().unwrap() >= 100, "{}", r.title);
    // Every connection that was made is the one that the operator opened.
    let open: SocketAddr = ([127, 0, 0, 1], port).into();
    assert!(left.lock().unwrap().iter().all(|to| *to == open), "{:?}", left.lock().unwrap());
    let mut refused = 0;
    for event in &r.guard {
        match &event.what {
            What::Connected { peer, .. } => assert_eq!(*peer, open),
            What::Refused { .. } => refused += 1,
            _ => {}
        }
    }
    assert!(refused >= 200, "{refused} reached the guard");
    // The site was asked for its own page only (and its icon, a worker, a ping of its own).
    assert!(asked.lock().unwrap().iter().all(|line| line.starts_with("GET / ") || line.contains("favicon")));
    // The namespace has no way out, before and after, and no interface but loopback counted a packet.
    for reading in [&r.before, &r.after] {
        assert_eq!(reading["inside"]["interfaces"], serde_json::json!(["lo"]));
        assert_eq!(reading["inside"]["routes"], serde_json::json!([]));
        let counters = reading["inside"]["counters"].as_object().unwrap();
        let interfaces: Vec<_> =
            counters.iter().filter(|(_, counted)| counted.is_array()).map(|(name, _)| name).collect();
        assert_eq!(interfaces, ["lo"]);
    }
    println!("refused by the guard: {refused}; counters: {}", r.after["inside"]["counters"]);
}
