//! Is this the page, or a wall before it? HTTP 200 is not success.
//!
//! Walls are recognised, kept as evidence and never solved. The rules are plain on purpose: each names what
//! it saw, so that a reader can look at the screenshot and judge.

use serde::Deserialize;
use url::Url;

use crate::layout::Layout;
use crate::recording::Reason;

/// What the page shows, read in a world of the recorder's own.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Facts {
    pub(crate) url: String,
    pub(crate) title: String,
    /// Visible text, cut.
    pub(crate) text: String,
    /// Visible password fields.
    pub(crate) passwords: u32,
    /// Images that loaded and are larger than an icon.
    pub(crate) images: u32,
    /// Canvases, videos, SVGs, embedded frames that are larger than an icon.
    pub(crate) drawings: u32,
    /// Marks of known sliders and captchas that are visible, by selector.
    pub(crate) challenges: Vec<String>,
    /// Images that were asked for and did not come.
    pub(crate) missing_images: u32,
    /// Audio and video elements.
    pub(crate) media: u32,
}

impl Facts {
    /// Where the page's own text says next to nothing, what is laid out counts.
    pub(crate) fn add_layout(&mut self, layout: &Layout) {
        if self.text.chars().filter(|c| !c.is_whitespace()).count() < 20 && layout.text.len() > self.text.len() {
            self.text.clone_from(&layout.text);
        }
        self.drawings += layout.large_images.saturating_sub(self.images);
    }
}

/// Fewer characters than this, and a wall's mark is the page.
const SHORT: usize = 1500;
const SIGN_IN_PATHS: &[&str] = &["login", "signin", "sign-in", "sign_in", "passport", "sso", "oauth", "auth"];
const SIGN_IN_WORDS: &[&str] = &["登录", "登陆", "sign in", "log in", "login", "扫码"];
const CHALLENGE_WORDS: &[&str] = &[
    "滑块",
    "拖动",
    "向右滑动",
    "安全验证",
    "人机验证",
    "请完成验证",
    "验证码",
    "slide to verify",
    "are you a robot",
    "not a robot",
    "verify you are human",
    "checking your browser",
    "complete the captcha",
    "unusual traffic",
    "访问过于频繁",
];
const REGION_WORDS: &[&str] =
    &["not available in your country", "not available in your region", "所在地区暂不", "您所在的地区"];

/// The wall, if one stands there.
pub(crate) fn wall(asked: &Url, status: Option<u16>, facts: &Facts) -> Option<Reason> {
    let text = facts.text.to_lowercase();
    let length = facts.text.chars().filter(|c| !c.is_whitespace()).count();
    let short = length < SHORT;
    let has = |words: &[&str]| words.iter().find(|word| text.contains(**word)).map(|word| (*word).to_owned());

    if short && let Some(mark) = facts.challenges.first().cloned().or_else(|| has(CHALLENGE_WORDS)) {
        return Some(Reason::new(
            "challenge",
            format!("页面要求人机验证（{mark}），未取得其内容"),
            format!("the page asked for a proof that a person looks ({mark}); its content was not obtained"),
        ));
    }
    let to_sign_in = Url::parse(&facts.url).is_ok_and(|end| signs_in(&end) && !signs_in(asked) && end != *asked);
    let form = facts.passwords > 0 && short;
    if (to_sign_in && (facts.passwords > 0 || short && has(SIGN_IN_WORDS).is_some()))
        || (form && has(SIGN_IN_WORDS).is_some())
    {
        return Some(Reason::new(
            "sign-in",
            "页面要求登录，未取得其内容",
            "the page asked for sign-in; its content was not obtained",
        ));
    }
    if short && let Some(mark) = has(REGION_WORDS) {
        return Some(Reason::new(
            "region",
            format!("页面按地区拒绝访问（{mark}）"),
            format!("the page refused this region ({mark})"),
        ));
    }
    if let Some(status @ (401 | 403 | 407 | 429 | 451)) = status {
        return Some(Reason::new(
            "refused",
            format!("服务器拒绝了访问（HTTP {status}）"),
            format!("the server refused access (HTTP {status})"),
        ));
    }
    if length < 20 && facts.images == 0 && facts.drawings == 0 && facts.media == 0 {
        return Some(Reason::new(
            "empty-shell",
            "页面只有空壳：没有可见的文字与图片",
            "the page is an empty shell: no visible text and no images",
        ));
    }
    None
}

fn signs_in(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let labels = host.split('.').chain(url.path_segments().into_iter().flatten());
    labels.map(str::to_ascii_lowercase).any(|part| {
        let stem = part.split('.').next().unwrap_or_default();
        SIGN_IN_PATHS.contains(&stem)
    })
}

/// Evaluated in an isolated world; gives [`Facts`].
pub(crate) const SCRIPT: &str = include_str!("scripts/page.js");

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn code(asked: &str, status: u16, facts: &Facts) -> Option<&'static str> {
        wall(&Url::parse(asked).unwrap(), Some(status), facts).map(|reason| reason.code)
    }

    fn page(url: &str, text: &str) -> Facts {
        Facts { url: url.to_owned(), text: text.to_owned(), images: 1, ..Facts::default() }
    }

    #[test]
    fn walls_are_named() {
        let item = "https://shop.example/item/1";
        let sign_in = page("https://login.shop.example/member/login.jhtml?from=x", "密码登录 扫码登录");
        assert_eq!(code(item, 200, &sign_in), Some("sign-in"));
        assert_eq!(code(item, 200, &Facts { passwords: 1, ..page(item, "请登录 后查看") }), Some("sign-in"));
        assert_eq!(code(item, 200, &page(item, "亲，请按住滑块，拖动到最右边")), Some("challenge"));
        assert_eq!(
            code(item, 200, &Facts { challenges: vec!["#nc_1_n1z".into()], ..page(item, "") }),
            Some("challenge")
        );
        assert_eq!(code(item, 200, &page(item, "This item is not available in your region.")), Some("region"));
        assert_eq!(code(item, 403, &page(item, "Forbidden by the administrator")), Some("refused"));
        assert_eq!(code(item, 200, &Facts { images: 0, ..page(item, " \n ") }), Some("empty-shell"));
    }

    #[test]
    fn pages_are_no_walls() {
        let item = "https://shop.example/item/1";
        let long = "这是一款手工马克杯，含验证码防伪标签。".repeat(120);
        assert_eq!(code(item, 200, &page(item, &long)), None);
        // A sign-in link in the header is no wall, and a sign-in page that was asked for is the page.
        assert_eq!(code(item, 200, &page(item, "首页 登录 注册 商品详情 价格 ¥99")), None);
        let login = "https://shop.example/login";
        assert_eq!(code(login, 200, &page(login, "欢迎来到本店的会员页面，说明如下")), None);
        assert_eq!(code(item, 200, &Facts { images: 0, drawings: 1, ..page(item, "") }), None);
        assert_eq!(code(item, 404, &page(item, "Not found, and here is why it is not here")), None);
    }
}
