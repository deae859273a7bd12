//! What the site says at each path.

use std::time::Duration;

use super::{Answer, Way, picture};

pub(super) const WORDS: &str =
    "手工陶瓷马克杯，青色釉面，容量三百五十毫升，产地景德镇，现货包邮。A handmade mug, in stock. ";

pub(super) fn answer(path: &str, port: u16) -> Answer {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let other = format!("http://localhost:{port}");
    match path {
        "/plain" => page("Plain", &format!("<p>{WORDS}</p><img src=/image/1 width=120><img src=/image/2 width=120>")),
        "/lazy" => {
            let native: String = (10..20)
                .map(|n| {
                    format!("<div style=height:900px><img loading=lazy width=120 height=120 src=/image/{n}></div>")
                })
                .collect();
            let observed: String = (20..25)
                .map(|n| {
                    format!("<div style=height:900px><img class=o width=120 height=120 data-src=/image/{n}></div>")
                })
                .collect();
            page(
                "Lazy",
                &format!(
                    "<p>{WORDS}</p>{native}{observed}<script>const o=new IntersectionObserver(s=>s.forEach(e=>{{if(e.isIntersecting)e.target.src=e.target.dataset.src}}));document.querySelectorAll('.o').forEach(i=>o.observe(i))</script>"
                ),
            )
        }
        "/infinite" => page(
            "Infinite",
            &format!(
                "<p>{WORDS}</p><div id=l style=min-height:2000px></div><script>let n=0;addEventListener('scroll',()=>{{if(innerHeight+scrollY>document.documentElement.scrollHeight-1500){{const d=document.createElement('div');d.style.height='1500px';d.textContent='item '+n++;l.append(d)}}}})</script>"
            ),
        ),
        "/redirect" => to("/redirect2"),
        "/redirect2" => to("/plain"),
        "/gbk" => {
            // <p>手工陶瓷 ×200 in GBK, and no charset in the head: the page says it.
            let mut body = b"<!doctype html><meta charset=gbk><title>GBK</title><p>".to_vec();
            body.extend([0xca, 0xd6, 0xb9, 0xa4, 0xcc, 0xd5, 0xb4, 0xc9].repeat(200));
            Answer { status: 200, fields: vec![("Content-Type", "text/html".into())], body, way: Way::Plain }
        }
        "/gzip" => Answer {
            way: Way::Gzip,
            ..page("Gzip", &format!("<p>{}</p><script src=/bom.js></script>", WORDS.repeat(30)))
        },
        "/bom.js" => {
            // A byte order mark and a byte that is not UTF-8: a decoded body would lose both.
            let body = b"\xef\xbb\xbfdocument.title='Gzip and \\u00e9' // \xff\xfe".to_vec();
            Answer { status: 200, fields: vec![("Content-Type", "text/javascript".into())], body, way: Way::Gzip }
        }
        "/chunked" => Answer { way: Way::Chunked, ..page("Chunked", &format!("<p>{WORDS}</p>")) },
        "/poll" => Answer { way: Way::Late(Duration::from_millis(150)), ..plain("text/plain", b"tick") },
        "/polling" => {
            page("Polling", &format!("<p>{WORDS}</p><script>(async()=>{{for(;;)await fetch('/poll')}})()</script>"))
        }
        "/item" => to("/login?from=item"),
        "/login" => {
            page("登录", "<h1>密码登录</h1><form><input name=user><input type=password><button>登录</button></form>")
        }
        "/slider" => {
            page("验证", "<div class=nc-container style='width:300px;height:40px'>请按住滑块，拖动到最右边</div>")
        }
        "/shell" => page("", "<div id=app></div><script src=/missing.js></script>"),
        "/dialogs" => page(
            "Dialogs",
            &format!(
                "<p>{WORDS}</p><script>alert('one');confirm('two');prompt('three');onbeforeunload=()=>'stay'</script>"
            ),
        ),
        "/popup" => page("Popup", &format!("<p>{WORDS}</p><script>window.open('{other}/popped');</script>")),
        "/download" => Answer {
            fields: vec![
                ("Content-Type", "application/octet-stream".into()),
                ("Content-Disposition", "attachment; filename=x.bin".into()),
            ],
            ..plain("", b"payload")
        },
        "/starts-download" => page("Starts", &format!("<p>{WORDS}</p><script>location.href='/download'</script>")),
        "/tall" => page(
            "Tall",
            &format!("<p>{WORDS}</p><div style='height:20000px;background:linear-gradient(red,blue)'></div><p>end</p>"),
        ),
        "/404" => Answer { status: 404, ..page("Not found", &format!("<p>{WORDS}</p>")) },
        "/403" => Answer { status: 403, ..page("Forbidden", &format!("<p>{WORDS}</p>")) },
        // Once it has loaded: before that there is no page, and later a quick capture is already done.
        "/spin" => page(
            "Spin",
            &format!("<p>{WORDS}</p><script>addEventListener('load',()=>setTimeout(()=>{{for(;;);}}))</script>"),
        ),
        "/hungry" => page(
            "Hungry",
            &format!(
                "<p>{WORDS}</p><script>const a=[];setTimeout(()=>{{for(;;)a.push(new Uint8Array(64<<20).fill(7))}},300)</script>"
            ),
        ),
        "/endless" => Answer { way: Way::Endless, ..page("Endless", &format!("<p>{WORDS}</p>")) },
        "/truncated" => page("Truncated", &format!("<p>{WORDS}</p><img src=/short width=120>")),
        "/short" => Answer { way: Way::Truncated, ..plain("image/bmp", &picture(3)[..20_000]) },
        "/frames" => {
            page("Frames", &format!("<p>{WORDS}</p><iframe src={other}/framed></iframe><iframe src=/plain></iframe>"))
        }
        // A frame of another site far below the window; the second page has something as high as the window.
        "/frame-below" | "/frame-below-tall" => {
            let hero = if path == "/frame-below-tall" { "<div style=height:100vh>top</div>" } else { "" };
            page(
                "Below",
                &format!(
                    "{hero}<p>{WORDS}</p><div style=height:3000px></div><iframe style='border:0;width:600px;height:200px' src={other}/yellow></iframe>"
                ),
            )
        }
        "/frame-slow" | "/frame-stuck" => page(
            "Slow",
            &format!(
                "<p>{WORDS}</p><div style=height:3000px></div><iframe style='border:0;width:600px;height:200px' src={other}{}></iframe>",
                if path == "/frame-slow" { "/yellow-slow" } else { "/yellow-stuck" }
            ),
        ),
        // Each of its pictures takes so long, as on a machine with too much to do; it shows nothing before it is drawn anew.
        "/yellow-slow" | "/yellow-stuck" => {
            let takes = if path == "/yellow-slow" { 600 } else { 5000 };
            page(
                "Slow",
                &format!(
                    "<style>body{{margin:0;background:#fd0}}</style><p>a frame of another site that draws slowly<script>\
                     addEventListener('load',function f(){{const end=Date.now()+{takes};while(Date.now()<end);\
                     requestAnimationFrame(f)}})</script>"
                ),
            )
        }
        "/yellow" => page(
            "Yellow",
            "<style>body{margin:0;background:#fd0}</style><p>a frame of another site, as far as one can see",
        ),
        "/framed" => page("Framed", "<p>from another site</p><p>价格：¥88.00</p><p>月销 300+</p><img src=/image/77>"),
        "/worker" => page(
            "Worker",
            &format!("<p>{WORDS}</p><script>new Worker('/worker.js').onmessage=e=>document.title=e.data</script>"),
        ),
        "/worker.js" => plain("text/javascript", b"fetch('/from-worker').then(r=>r.text()).then(t=>postMessage(t))"),
        "/from-worker" => plain("text/plain", b"said by a worker"),
        "/service" => page(
            "Service",
            &format!(
                "<p>{WORDS}</p><script>navigator.serviceWorker.register('/sw.js').then(()=>navigator.serviceWorker.ready).then(()=>document.title='Service ready')</script>"
            ),
        ),
        "/sw.js" => plain("text/javascript", b"addEventListener('install',e=>e.waitUntil(fetch('/from-sw')))"),
        "/from-sw" => plain("text/plain", b"said by a service worker"),
        "/refresh" => page("Refresh", "<meta http-equiv=refresh content='0;url=/plain'>"),
        "/post" => page(
            "Post",
            &format!(
                "<p>{WORDS}</p><script>fetch('/posted',{{method:'POST',body:'a=1&b=二'}}).then(r=>r.text()).then(t=>document.title=t)</script>"
            ),
        ),
        "/posted" => plain("text/plain; charset=utf-8", "收到".as_bytes()),
        "/shadow" => page(
            "Shadow",
            "<div id=h></div><script>h.attachShadow({mode:'closed'}).innerHTML='<p>text in a closed shadow tree, long enough to be seen</p><img src=/image/5 width=120>'</script>",
        ),
        "/inward" => {
            let inner: String = [
                "http://10.0.0.1/",
                "http://169.254.169.254/latest/meta-data/",
                "http://[::1]:8080/",
                "http://0x7f.1/",
                "http://2130706433/",
                "http://localhost:8099/",
                "https://192.168.1.1/",
                "http://intranet/",
                "http://metadata.google.internal/",
            ]
            .iter()
            .map(|url| format!("<img src={url}>"))
            .collect();
            page(
                "Inward",
                &format!(
                    "<p>{WORDS}</p>{inner}<script>new WebSocket('ws://127.0.0.1:8097/');fetch('http://100.64.0.1/').catch(()=>0);navigator.sendBeacon('http://127.0.0.1:8098/')</script>"
                ),
            )
        }
        "/inward-redirect" => to("http://169.254.169.254/latest/"),
        "/blob" => page(
            "Blob",
            &format!(
                "<p>{WORDS}</p><img id=i><script>fetch('/image/9').then(r=>r.blob()).then(b=>i.src=URL.createObjectURL(b))</script>"
            ),
        ),
        "/css" => page(
            "Css",
            &format!(
                "<p>{WORDS}</p><style>@import '/style.css';</style><div class=b></div><picture><source srcset='/image/41 1x, /image/42 2x'><img src=/image/43 width=120></picture>"
            ),
        ),
        "/style.css" => plain("text/css", b".b{width:120px;height:120px;background:url(/image/40)}"),
        "/popped" => page("Popped", "<p>nobody should see this</p>"),
        _ if path.starts_with("/image/") && query.is_empty() => {
            let n: u8 = path["/image/".len()..].parse().unwrap_or(0);
            plain("image/bmp", &picture(n))
        }
        _ => super::hostile::answer(path, query, port)
            .or_else(|| super::shops::answer(path))
            .unwrap_or_else(|| Answer { status: 404, ..plain("text/plain", b"nothing here") }),
    }
}

pub(super) fn page(title: &str, body: &str) -> Answer {
    let html =
        format!("<!doctype html><html lang=zh><meta charset=utf-8><title>{title}</title><body>{body}</body></html>");
    Answer {
        status: 200,
        fields: vec![("Content-Type", "text/html; charset=utf-8".into())],
        body: html.into_bytes(),
        way: Way::Plain,
    }
}

pub(super) fn plain(kind: &str, body: &[u8]) -> Answer {
    let fields = if kind.is_empty() { vec![] } else { vec![("Content-Type", kind.to_owned())] };
    Answer { status: 200, fields, body: body.to_vec(), way: Way::Plain }
}

pub(super) fn to(place: &str) -> Answer {
    Answer { status: 302, fields: vec![("Location", place.to_owned())], body: Vec::new(), way: Way::Plain }
}
