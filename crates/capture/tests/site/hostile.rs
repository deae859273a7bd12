//! Pages that try something, and things that pages do seldom.

use std::time::Duration;

use super::pages::{WORDS, page, plain, to};
use super::{Answer, Way};

pub(super) fn answer(path: &str, query: &str, port: u16) -> Option<Answer> {
    let other = format!("http://localhost:{port}");
    let script = |title: &str, script: &str| page(title, &format!("<p>{WORDS}</p><script>{script}</script>"));
    let answer = match path {
        "/alerts" => script("Alerts", "for(;;)alert('again')"),
        "/nested" => {
            let n: u32 = query.parse().unwrap_or(0);
            let frames = format!(
                "<iframe src='/nested?{}'></iframe><iframe src='{other}/nested?{}'></iframe>",
                2 * n + 1,
                2 * n + 2
            );
            page("Nested", &format!("<p>{WORDS}</p>{frames}"))
        }
        "/local-files" => page(
            "Local",
            &format!(
                "<p>{WORDS}</p><iframe src=file:///etc/passwd></iframe><iframe src=chrome://version></iframe>\
                 <iframe src='view-source:{other}/plain'></iframe><embed src=file:///proc/self/environ>\
                 <script>for(const u of ['file:///proc/self/environ','file:///proc/net/unix','unix:///run/docker.sock','chrome://gpu','filesystem:x'])\
                 {{fetch(u).then(r=>r.text()).then(t=>document.body.append(t)).catch(()=>0);try{{window.open(u)}}catch{{}}}}\
                 setTimeout(()=>{{location='file:///etc/passwd'}},50);setTimeout(()=>{{location='chrome://crash'}},100)</script>"
            ),
        ),
        "/rtc" => script(
            "Rtc",
            "const c=new RTCPeerConnection({iceServers:[{urls:'stun:203.0.113.9:3478'},{urls:'turn:203.0.113.9:80?transport=tcp',username:'a',credential:'b'}]}),f=[];\
             c.onicecandidate=e=>{if(e.candidate){f.push(e.candidate.candidate);document.title='Rtc '+f.join(' | ')}};c.createDataChannel('x');c.createOffer().then(o=>c.setLocalDescription(o))",
        ),
        "/webtransport" => script(
            "Webtransport",
            "try{new WebTransport('https://127.0.0.1:8096/').ready.catch(()=>0)}catch(e){document.title+=e}",
        ),
        "/ahead" => page(
            "Ahead",
            &format!(
                "<link rel=dns-prefetch href=//leak-by-name.example><link rel=preconnect href=http://127.0.0.1:8095>\
                 <link rel=prefetch href=/prefetched><link rel=preload as=image href=/image/60><link rel=modulepreload href=/module.js>\
                 <link rel=icon href=/icon.ico><link rel=manifest href=/manifest.json>\
                 <script type=speculationrules>{{\"prefetch\":[{{\"urls\":[\"/speculated\"],\"eagerness\":\"immediate\"}}]}}</script>\
                 <p>{WORDS}</p><img src=/image/60 width=120>"
            ),
        ),
        "/prerender" => page(
            "Prerender",
            &format!(
                "<script type=speculationrules>{{\"prerender\":[{{\"urls\":[\"/prerendered\"],\"eagerness\":\"immediate\"}}]}}</script><p>{WORDS}</p>"
            ),
        ),
        "/prerendered" | "/speculated" | "/prefetched" => {
            page("Ahead of time", "<p>fetched ahead of time</p><img src=/image/61>")
        }
        "/module.js" => plain("text/javascript", b"export default 1"),
        "/refresh-loop" => {
            let n: u32 = query.parse().unwrap_or(0);
            page("Loop", &format!("<meta http-equiv=refresh content='0;url=/refresh-loop?{}'><p>{WORDS}</p>", n + 1))
        }
        "/redirect-loop" => to("/redirect-loop"),
        "/popups" => script("Popups", &format!("for(let i=0;i<20;i++)window.open('{other}/popped?'+i)")),
        "/forty" => script(
            "Forty",
            "fetch('/forty.bin').then(r=>r.arrayBuffer()).then(b=>document.title='Forty '+b.byteLength)",
        ),
        "/forty.bin" => {
            let body = (0u32..10 << 20).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect::<Vec<u8>>();
            plain("application/octet-stream", &body)
        }
        "/bomb" => {
            script("Bomb", "fetch('/bomb.txt').then(r=>r.text()).then(t=>document.title='Bomb '+t.length).catch(()=>0)")
        }
        "/bomb.txt" => Answer { way: Way::Bomb(24), ..plain("text/plain", b"") },
        "/sixty" => page(
            "Sixty",
            &format!("<p>{WORDS}</p><div style='height:59000px;background:linear-gradient(red,blue)'></div><p>end</p>"),
        ),
        "/beacon" => script(
            "Beacon",
            "for(const e of ['pagehide','visibilitychange','beforeunload','unload'])addEventListener(e,()=>{navigator.sendBeacon('/bye-'+e);fetch('/bye-too-'+e,{keepalive:true})});navigator.sendBeacon('/hello','x=1')",
        ),
        "/events" => script("Events", "new EventSource('/stream').onmessage=e=>document.title='Events '+e.data"),
        "/stream" => Answer { way: Way::Endless, ..plain("text/event-stream", b"data: first\n\n") },
        "/sockets" => script(
            "Sockets",
            "const s=new WebSocket(location.origin.replace('http','ws')+'/socket');s.onmessage=e=>{if(typeof e.data==='string'){document.title='Sockets '+e.data;s.send('got it')}}",
        ),
        "/socket" => Answer { way: Way::Socket, ..plain("", b"") },
        "/media" => page(
            "Media",
            &format!(
                "<p>{WORDS}</p><audio src=/tone.wav controls preload=auto></audio><video src=/no-film.mp4 poster=/image/62 width=300 height=200></video>"
            ),
        ),
        "/tone.wav" => plain("audio/wav", &tone()),
        "/brotli" => Answer { way: Way::Brotli, ..page("Brotli", &format!("<p>{}</p>", WORDS.repeat(800))) },
        "/zstd" => Answer { way: Way::Zstd, ..page("Zstd", &format!("<p>{}</p>", WORDS.repeat(800))) },
        "/robot" => page("Robot", "<h1>Sorry</h1><p>Our systems have detected unusual traffic from your network.</p>"),
        "/region" => page("Region", "<p>很抱歉，您所在的地区暂不支持访问本商品。</p>"),
        "/captcha" => page(
            "Captcha",
            "<p>One more step before you go on to the shop.</p><iframe src=/captcha-frame width=300 height=200></iframe>",
        ),
        "/captcha-frame" => page("", "<p>Pick all the mugs</p>"),
        "/basic" => Answer {
            status: 401,
            fields: vec![("WWW-Authenticate", "Basic realm=\"shop\"".into()), ("Content-Type", "text/html".into())],
            ..page("", "<p>who are you</p>")
        },
        "/strict" => Answer {
            fields: vec![
                ("Content-Type", "text/html; charset=utf-8".into()),
                (
                    "Content-Security-Policy",
                    "default-src 'none'; img-src 'self'; sandbox; report-uri /violations".into(),
                ),
            ],
            ..page(
                "Strict",
                &format!(
                    "<p>{WORDS}</p><img src=/image/63 width=120><script>document.title='ran'</script><img src=http://203.0.113.9/x>"
                ),
            )
        },
        "/violations" => plain("", b""),
        "/text.txt" => plain("text/plain; charset=utf-8", WORDS.as_bytes()),
        "/data.json" => plain("application/json", b"{\"name\":\"mug\",\"price\":\"99.00\",\"stock\":1}"),
        "/print" => script("Print", "window.print();document.title='Printed'"),
        "/history" => script(
            "History",
            "for(let i=0;i<300;i++)history.pushState(0,'','/history?'+i);location.hash='a';setInterval(()=>{location.hash=Math.random()},20)",
        ),
        "/late-image" => page("Late", &format!("<p>{WORDS}</p><img src=/late width=120 height=120>")),
        "/late" => Answer { way: Way::Late(Duration::from_secs(30)), ..plain("image/bmp", &super::picture(1)) },
        "/shared" => script(
            "Shared",
            "const w=new SharedWorker('/shared.js');w.port.onmessage=e=>document.title='Shared '+e.data;w.port.start()",
        ),
        "/shared.js" => plain(
            "text/javascript",
            b"onconnect=e=>fetch('/from-shared').then(r=>r.text()).then(t=>e.ports[0].postMessage(t))",
        ),
        "/from-shared" => plain("text/plain", b"said by a shared worker"),
        "/claimed" => script(
            "Claimed",
            "navigator.serviceWorker.register('/claiming.js').then(()=>new Promise(r=>navigator.serviceWorker.controller?r():navigator.serviceWorker.oncontrollerchange=r)).then(()=>fetch('/never-asked')).then(r=>r.text()).then(t=>document.title='Claimed '+t)",
        ),
        "/claiming.js" => plain(
            "text/javascript",
            b"oninstall=()=>skipWaiting();onactivate=e=>e.waitUntil(clients.claim());onfetch=e=>{if(e.request.url.endsWith('/never-asked'))e.respondWith(new Response('price 1'))}",
        ),
        "/surrogate" => script(
            "Half",
            "document.title='Half \\ud800 pair';document.body.append('Text with \\udc00 half a pair');console.log('\\ud800')",
        ),
        "/strange-words" => page(
            "\u{202e}txt.exe\u{202c} \u{7} &lt;script&gt; \u{0}$(reboot) `id` ' \" &amp;",
            &format!(
                "<p>{WORDS}</p><img src='/image/64?a=%27%22%3Cscript%3E$(reboot)`id`;rm' width=120><p>{}</p>",
                "长".repeat(5000)
            ),
        ),
        _ if path.starts_with("/image/") && !query.is_empty() => plain("image/bmp", &super::picture(64)),
        _ if path.starts_with("/bye") || path == "/hello" => plain("", b""),
        _ => return None,
    };
    Some(answer)
}

/// A quarter of a second of 440 Hz, 8 bits at 8 kHz.
fn tone() -> Vec<u8> {
    let sound: Vec<u8> = (0..2000u32).map(|n| if n * 440 * 2 / 8000 % 2 == 0 { 96 } else { 160 }).collect();
    let mut out = b"RIFF".to_vec();
    out.extend((36 + sound.len() as u32).to_le_bytes());
    out.extend(b"WAVEfmt ");
    out.extend([16, 0, 0, 0, 1, 0, 1, 0]);
    out.extend(8000u32.to_le_bytes());
    out.extend(8000u32.to_le_bytes());
    out.extend([1, 0, 8, 0]);
    out.extend(b"data");
    out.extend((sound.len() as u32).to_le_bytes());
    out.extend(sound);
    out
}
