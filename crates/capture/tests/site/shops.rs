//! Pages as shops have them.

use super::Answer;
use super::pages::{WORDS, page};

pub(super) fn answer(path: &str) -> Option<Answer> {
    let answer = match path {
        "/shop" => page(
            "青釉马克杯-淘器店",
            &format!(
                "<meta property=og:title content='青釉马克杯 og'>\
                 <style>body{{margin:0}}h1{{position:absolute;left:40px;top:20px;margin:0;font:24px monospace}}\
                 .p{{position:absolute;left:60px;top:4060px;width:500px;font:32px monospace;color:#fff;background:#c00}}\
                 .b{{position:absolute;left:10px;top:300px;width:120px;height:120px;background:url(/image/51)}}</style>\
                 <h1>青釉马克杯 手工陶瓷</h1><img src=/image/50 alt='杯子 正面' style='position:absolute;left:700px;top:5000px' width=240 height=240>\
                 <div class=b></div><p style='margin-top:700px'>{WORDS}</p><div style=height:4000px></div>\
                 <div class=p><span>券后价</span> <span>¥</span><span>99</span><span>.00</span></div>\
                 <del>¥199.00</del><p>月销 200+</p><dl><dt>货号</dt><dd>QZ-2041</dd></dl><p>店铺：淘器店</p>\
                 <p style=display:none>店铺：不可见店</p><p>本店所有商品价格均含税，¥ 为人民币符号。</p>\
                 <img src='data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///ywAAAAAAQABAAACAkQBADs=' width=20 height=20><img src=/image/52 width=0>"
            ),
        ),
        "/shop-en" => page(
            "Mug | Kiln Store",
            &format!(
                "<script type=application/ld+json>{{\"@context\":\"https://schema.org\",\"@graph\":[{{\"@type\":\"Product\",\"name\":\"Celadon mug\",\"sku\":\"KS-77\",\
                 \"offers\":{{\"@type\":\"Offer\",\"price\":\"18.50\",\"priceCurrency\":\"EUR\",\"seller\":{{\"@type\":\"Organization\",\"name\":\"Kiln Ltd\"}}}}}}]}}</script>\
                 <div itemscope itemtype=https://schema.org/Product><h1 itemprop=name>Celadon mug, 350 ml</h1>\
                 <div itemprop=offers itemscope itemtype=https://schema.org/Offer><meta itemprop=priceCurrency content=EUR><b itemprop=price content=18.50>€18.50</b></div></div>\
                 <p>Sold by Kiln Store Ltd</p><p>1,204 sold</p><p>Item number: KS-77</p><p>{WORDS}</p>"
            ),
        ),
        // Many prices and no label: none is the item's.
        "/shop-list" => page(
            "List",
            &format!(
                "<p>{WORDS}</p><ul><li><span>¥10</span></li><li><span>¥20</span></li><li><span>¥30</span></li></ul>"
            ),
        ),
        "/banner-zh" => banner("我们使用 Cookie 来改善体验", "全部接受", Some("拒绝全部")),
        "/banner-en" => {
            banner("We use cookies and similar technologies.", "Accept all", Some("Only necessary cookies"))
        }
        "/banner-accept" => banner("This shop uses cookies.", "OK", None),
        // The refusing button is under another one.
        "/banner-trap" => page(
            "Trap",
            &format!(
                "<p>{WORDS}</p><div id=onetrust-banner-sdk style='position:fixed;bottom:0;left:0;right:0;height:80px;background:#eee'>Cookies<button id=onetrust-reject-all-handler style='position:absolute;left:10px;top:10px'>Reject all</button>\
                 <button style='position:absolute;left:0;top:0;width:400px;height:80px;opacity:0.1' onclick=\"fetch('/accepted')\">Accept</button></div>"
            ),
        ),
        "/phone" => page(
            "Phone",
            "<meta name=viewport content='width=device-width'><p id=o></p><script>o.textContent=[navigator.userAgent,innerWidth+'x'+innerHeight,'touch '+('ontouchstart' in window),\
             'coarse '+matchMedia('(pointer:coarse)').matches,'mobile '+(navigator.userAgentData&&navigator.userAgentData.mobile)].join(' ; ');\
             new Worker('/agent.js').onmessage=e=>o.textContent+=' ; worker '+e.data</script>",
        ),
        "/agent.js" => super::pages::plain("text/javascript", b"postMessage(navigator.userAgent)"),
        _ => return None,
    };
    Some(answer)
}

fn banner(words: &str, accept: &str, refuse: Option<&str>) -> Answer {
    let refuse = refuse.map_or(String::new(), |refuse| {
        format!("<button onclick=\"this.parentNode.remove();fetch('/image/91')\">{refuse}</button>")
    });
    page(
        "Banner",
        &format!(
            "<p>{WORDS}</p><div class=cookie-notice style='position:fixed;bottom:0;left:0;right:0;background:#fd0;padding:30px'>{words} \
             <a href=/privacy>不同意</a> <button onclick=\"fetch('/accepted')\">{accept}</button> {refuse}</div>"
        ),
    )
}
