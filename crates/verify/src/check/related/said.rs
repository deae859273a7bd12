//! What another record says about this one, in words that claim no more than it holds.

use crate::{Related, Sentence, verdict::clean, words};
use evidence::{json::Value, statement::Kind};

/// Claims of a `rights` record, and what each is called.
const NAMES: [(&str, &str, &str); 9] = [
    ("title", "作品名称", "title"),
    ("author", "作者", "author"),
    ("work_origin", "作品来源", "origin of the work"),
    ("basis", "权利依据", "basis"),
    ("completed_at", "完成日期", "completed"),
    ("completed_place", "完成地点", "completed at"),
    ("published_at", "首次发表日期", "first published"),
    ("published_place", "首次发表地点", "first published at"),
    ("published_url", "首次发表网址", "first published under"),
];

impl Related {
    /// What it says, (Chinese, English).
    pub fn said(&self) -> (String, String) {
        match self.kind {
            Kind::Attestation => self.attested(),
            Kind::Revocation => self.revoked(),
            Kind::Confirmation => self.confirmed(),
            _ => self.claimed(),
        }
    }

    /// The sentence of its check.
    pub(super) fn checked(&self) -> (String, String) {
        let (date, index, (zh, en)) = (words::date(self.t1.by()), self.index, self.said());
        let (lead, led, tail, tailed) = match self.kind {
            Kind::Attestation => (
                "关于存证主体身份的记录",
                "A record about the owner's name",
                "这是运营者的说法",
                "This is the operator's word",
            ),
            Kind::Confirmation => (
                "被许可方的确认",
                "The licensee's confirmation",
                "这是平台所作的记录",
                "This is the platform's record of it",
            ),
            Kind::Revocation => (
                "同一存证主体终止许可的记录",
                "The same owner ended the licence",
                "许可的记录本身没有改变",
                "The licence's record itself is unchanged",
            ),
            _ => (
                "同一存证主体后来作出的声明",
                "A later claim by the same owner",
                "本记录本身没有改变",
                "This record itself is unchanged",
            ),
        };
        (
            format!("{lead}，不晚于 {date} 已存在，账本第 {index} 条：{zh}。{tail}。"),
            format!("{led}, which existed no later than {date}, leaf {index}: {en}. {tailed}."),
        )
    }

    /// Its sentence among what is shown.
    pub(crate) fn shown(&self) -> Sentence {
        let (date, id, (zh, en)) = (words::date(self.t1.by()), &self.id, self.said());
        match self.kind {
            Kind::Attestation | Kind::Confirmation => Sentence::new(
                format!("平台记录（不晚于 {date}，存证编号 {id}）：{zh}。"),
                format!("The platform recorded (no later than {date}, record {id}): {en}."),
            ),
            Kind::Revocation => Sentence::new(
                format!("同一存证主体终止了许可（不晚于 {date}，存证编号 {id}）：{zh}。"),
                format!("The same owner ended the licence (no later than {date}, record {id}): {en}."),
            ),
            _ => Sentence::new(
                format!("同一存证主体后来又声明（不晚于 {date}，存证编号 {id}）：{zh}。最初的声明没有改变。"),
                format!(
                    "The same owner claimed later (no later than {date}, record {id}): {en}. The first claims are unchanged."
                ),
            ),
        }
    }

    fn text(&self, name: &str) -> Option<String> {
        self.claims.get(name).and_then(Value::as_str).map(|text| clean(text.to_owned()))
    }

    fn claimed(&self) -> (String, String) {
        let said: Vec<_> = NAMES.iter().filter_map(|(name, zh, en)| Some((zh, en, self.text(name)?))).collect();
        let zh = said.iter().map(|(zh, _, value)| format!("{zh}“{value}”")).collect::<Vec<_>>().join("，");
        let en = said.iter().map(|(_, en, value)| format!("{en} \"{value}\"")).collect::<Vec<_>>().join(", ");
        if said.is_empty() { ("未披露内容".into(), "nothing disclosed".into()) } else { (zh, en) }
    }

    fn attested(&self) -> (String, String) {
        attested(&|name| self.text(name), self.operator.as_deref())
    }

    fn revoked(&self) -> (String, String) {
        let at = self.text("revoked_at").unwrap_or_else(|| "—".into());
        let (zh, en) = (format!("许可自 {at} 起终止"), format!("it ends on {at}"));
        match self.text("revoked_reason") {
            Some(reason) => (format!("{zh}，原因“{reason}”"), format!("{en}, because \"{reason}\"")),
            None => (zh, en),
        }
    }

    fn confirmed(&self) -> (String, String) {
        match self.text("confirmed_by") {
            Some(by) => (
                format!("持有确认链接的人以“{by}”的名义确认了许可"),
                format!("whoever held the link confirmed the licence, giving the name \"{by}\""),
            ),
            None => ("持有确认链接的人确认了许可".into(), "whoever held the link confirmed the licence".into()),
        }
    }
}

/// By whom, when and how a name was established, (Chinese, English), in the words of every certificate: `claim` gives an
/// attestation's claims, `operator` is who runs its ledger.
pub fn attested(claim: &dyn Fn(&str) -> Option<String>, operator: Option<&str>) -> (String, String) {
    let at = claim("attested_at").unwrap_or_else(|| "—".into());
    let operator = operator.map_or_else(|| "—".into(), |name| clean(name.to_owned()));
    let name = claim("owner_name").unwrap_or_else(|| "—".into());
    let (zh, en) = match (claim("attested_how").as_deref(), claim("attested_by")) {
        (Some("provider"), by) => {
            let by = by.unwrap_or_else(|| "—".into());
            (
                format!("“{operator}”于 {at} 通过“{by}”核实了存证主体名称“{name}”"),
                format!("\"{operator}\" had the owner's name \"{name}\" established on {at} by \"{by}\""),
            )
        }
        (_, by) => {
            let by = by.unwrap_or(operator);
            (
                format!("“{by}”于 {at} 审核文件，核实了存证主体名称“{name}”"),
                format!("\"{by}\" established the owner's name \"{name}\" by documents on {at}"),
            )
        }
    };
    match claim("attested_note") {
        Some(note) => (format!("{zh}（{note}）"), format!("{en} ({note})")),
        None => (zh, en),
    }
}
