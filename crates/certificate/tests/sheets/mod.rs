//! Invented records that the tests draw.

use certificate::*;
use std::path::Path;
use std::process::Command;

const SHA256: &str = "d530a1e22a4e529ca65a7dfc85dd3e9a1ff11f132d82b8c5223777fe63185a89";
const SM3: &str = "0d053fa2ee356dc78c4a0c8138f72ea4b4572cbd0caf807f8d18a1c85864ec5f";

fn w(zh: &str, en: &str) -> Words {
    Words::new(zh, en)
}

fn check(id: &str, required: bool, result: Outcome, zh: &str, en: &str) -> Check {
    Check { id: id.into(), required, result, subject: None, text: w(zh, en) }
}

fn moment(at: &str, authority: Words, independent: bool, result: Outcome) -> Option<Moment> {
    Some(Moment { at: at.into(), accuracy_us: if independent { 0 } else { 1_000_000 }, authority, independent, result })
}

fn step(zh: &str, en: &str, commands: &[&str]) -> Step {
    Step { label: w(zh, en), commands: commands.iter().map(|c| c.to_string()).collect() }
}

fn event(what: EventKind, at: &str, clock: Clock, by: Option<Words>) -> Event {
    Event { what, at: at.into(), clock, by }
}

fn beichen() -> Words {
    w("北辰时间服务中心", "Beichen Time Service")
}

/// A merchant's picture on another party's ledger, everything in order.
pub(crate) fn merchant() -> Sheet {
    use Outcome::*;
    let t1 = "2026-11-24T03:05:00Z";
    let t2 = "2026-11-24T03:05:07Z";
    Sheet {
        id: "019ab3c1-e6f0-7c4e-9f20-5d1e8a6b4c37".into(),
        kind: Kind::Image,
        operator: Operator {
            name: "杭州衡鉴数据服务有限公司".into(), code: Some("91330106MA2EXMPL7T".into())
        },
        relation: Relation::IndependentDeclared,
        owner: Owner {
            name: "苏州漆里家居有限公司".into(),
            number: Some(Number { label: NumberLabel::Code, value: "91320508MA1EXMPL3K".into() }),
        },
        identity: w(
            "企业登记信息与法定代表人核验，由运营者于 2026-11-20 完成",
            "Company register and legal representative, by the operator, 2026-11-20",
        ),
        account: Words::same("sqli-design（周敏）"),
        title: Some("釉色杯系列主图（秋）".into()),
        claims: vec![],
        file: Some(File {
            name: Some("glaze-cups-hero-01.jpg".into()),
            size: Some(149_461),
            mime: Some("image/jpeg".into()),
            pixels: Some((1600, 1200)),
            sha256: SHA256.into(),
            sm3: SM3.into(),
            custody: Custody::Held,
        }),
        provenance: Provenance::UserSupplied,
        t1: moment(t1, beichen(), true, Pass),
        t2: moment(t2, beichen(), true, Pass),
        events: vec![
            event(EventKind::Received, "2026-11-24T03:04:59Z", Clock::Machine, None),
            event(EventKind::Content, t1, Clock::Tsa, Some(beichen())),
            event(
                EventKind::Witness,
                "2026-11-24T03:05:04Z",
                Clock::Witness,
                Some(Words::same("west.witness.example")),
            ),
            event(EventKind::Witness, "2026-11-24T03:05:05Z", Clock::Witness, Some(Words::same("library.example/w1"))),
            event(EventKind::Seal, t2, Clock::Tsa, Some(beichen())),
        ],
        ledger: Ledger {
            origin: "hengjian.example/8174099687a26621f4e2cdd7cc03b3da".into(),
            index: 48_211,
            size: 48_217,
            record: "c97c121a37e664a6ccbe874f9b0afb22e21661305772e0c2939e61ddfdb74924".into(),
            root: "3de0c6d1959ece558ec030f37292e383a9c95f497e8235b89701b914be9bd1fb".into(),
        },
        earlier: Some(0),
        checked: "2026-11-24T03:06:12Z".into(),
        verdict: Verdict::Verified,
        roots: w(
            "北辰时间服务中心根证书，及两个见证密钥的策略",
            "Beichen’s root certificate and a policy of two witness keys",
        ),
        checks: vec![
            check(
                "file",
                true,
                Pass,
                "大小、SHA-256 与 SM3 均与记录相同。",
                "Size, SHA-256 and SM3 are those of the record.",
            ),
            check(
                "disclosures",
                true,
                Pass,
                "证书所印的主体、文件名与声明均与记录相符。",
                "Owner, file name and claims as printed are those recorded.",
            ),
            check(
                "statement-token-1",
                true,
                Pass,
                "独立时间机构的令牌覆盖文件、主体与声明。",
                "An independent authority’s token covers file, owner and claims.",
            ),
            check(
                "inclusion",
                true,
                Pass,
                "记录位于账本序号 48211，账本规模 48217。",
                "The record stands at index 48211 in a ledger of 48217.",
            ),
            check(
                "log-signature",
                true,
                Pass,
                "检查点由该账本的密钥签署。",
                "The checkpoint is signed with this ledger’s key.",
            ),
            check(
                "policy",
                true,
                Pass,
                "已获 2 个见证密钥签署，满足所用策略。",
                "Signed with 2 witness keys, as the policy asks.",
            ),
            check(
                "sealing-token-1",
                true,
                Pass,
                "独立时间机构的令牌覆盖检查点及其全部签名。",
                "An independent authority’s token covers checkpoint and signatures.",
            ),
            check(
                "clock",
                false,
                Limited,
                "各时间互不矛盾；运营者时钟未经外部核对。",
                "No times contradict; the operator’s clock was not checked.",
            ),
            check(
                "operator",
                true,
                Pass,
                "账本首条记录载明的运营者与证书所印相同。",
                "The ledger’s first record names the operator printed here.",
            ),
            check(
                "certificate-signature",
                true,
                Pass,
                "由运营者签署，签署之后没有改动。",
                "Signed by the operator and unchanged since.",
            ),
            check("later-records", false, NotChecked, "账本规模 48217 之后的记录。", "Records after size 48217."),
            check(
                "printed-page",
                false,
                NotChecked,
                "纸面文字未与附件逐字比对。",
                "Print was not compared with the attached files.",
            ),
        ],
        unanswerable: vec![
            w("运营者与存证主体的资格、利害关系。", "The standing and interests of operator and owner."),
            w(
                "摘要取得之前，文件由谁、在何时、以何种方式完成。",
                "Who made the file, when and how, before its digest was taken.",
            ),
        ],
        does_not_show: vec![
            w("存证主体享有著作权，或其声明属实。", "That the owner holds the copyright, or that the claims are true."),
            w("他人的使用构成侵权。", "That anyone’s use of it infringes a right."),
        ],
        steps: vec![
            step("取出附件", "Extract the files", &["pdfdetach -saveall CERTIFICATE.pdf"]),
            step("计算原件摘要", "Digest the original", &["sha256sum ORIGINAL", "openssl dgst -sm3 ORIGINAL"]),
            step(
                "核对内容时间",
                "Time of the content",
                &["openssl ts -verify -data statement.json -in timestamp-1.tsr -CAfile root.pem -attime 1795489500"],
            ),
            step(
                "核对封存时间",
                "Time of sealing",
                &["openssl ts -verify -data checkpoint.txt -in checkpoint.tsr -CAfile root.pem -attime 1795489507"],
            ),
            step("全部核验", "Everything", &["quezao verify --trust DIR CERTIFICATE.pdf ORIGINAL"]),
        ],
        software: w("鹊凿 0.4.0（3f9c21e）", "Quezao 0.4.0 (3f9c21e)"),
        report: None,
        comparison: None,
        collection: None,
        licence: None,
    }
}

/// A photographer who runs the software: everything holds, most of it with a reservation.
pub(crate) fn self_made() -> Sheet {
    use Outcome::*;
    let mut s = merchant();
    let own = || w("鹊凿内置", "Quezao");
    s.id = "019aaf02-41b8-71d3-8a6c-0be94f7723e1".into();
    s.operator = Operator { name: "林喆珺".into(), code: None };
    s.relation = Relation::SamePerson;
    s.owner = Owner {
        name: "林喆珺".into(),
        number: Some(Number { label: NumberLabel::Masked, value: "3301**********0024".into() }),
    };
    s.identity = w("本人填写，未经他人核实", "As entered by the owner, established by no one else");
    s.account = w("本机操作，无账号", "None, on the owner’s own machine");
    s.title = Some("德文特湖的傍晚".into());
    s.file.as_mut().unwrap().name = Some("DSC_4871-终稿.jpg".into());
    s.file.as_mut().unwrap().custody = Custody::Own;
    s.t1 = moment("2026-11-23T04:58:02Z", own(), false, Limited);
    s.t2 = moment("2026-11-23T04:58:03Z", own(), false, Limited);
    s.events = vec![
        event(EventKind::Received, "2026-11-23T04:58:02Z", Clock::Machine, None),
        event(EventKind::Content, "2026-11-23T04:58:02Z", Clock::Own, None),
        event(EventKind::Seal, "2026-11-23T04:58:03Z", Clock::Own, None),
    ];
    s.ledger.origin = "quezao.local/b10253764c8b233fb37542e23401c7b4".into();
    (s.ledger.index, s.ledger.size) = (17, 18);
    s.checked = "2026-11-23T04:59:41Z".into();
    s.roots = w("存证主体自己的数据文件夹", "the owner’s own data folder");
    s.checks[3].text = w("记录位于账本序号 17，账本规模 18。", "The record stands at index 17 in a ledger of 18.");
    for c in &mut s.checks {
        let text = match c.id.as_str() {
            "statement-token-1" => w(
                "时间标记由本人的软件自签，并非独立时间机构。",
                "The time mark is signed by the owner’s own software.",
            ),
            "log-signature" => w(
                "检查点由该账本的密钥签署；账本为本人自建。",
                "Signed with the ledger’s key; the ledger is the owner’s own.",
            ),
            "policy" => w("没有见证；账本仅由一方持有。", "No witnesses; one party alone holds the ledger."),
            "sealing-token-1" => w("封存时间亦为自签，并非独立时间机构。", "The seal’s time is self-signed as well."),
            "operator" => w("运营者与存证主体为同一人。", "Operator and owner are the same person."),
            "certificate-signature" => {
                w("由本人的软件签署，签署之后没有改动。", "Signed by the owner’s own software, unchanged since.")
            }
            _ => continue,
        };
        (c.result, c.text) = (Limited, text);
    }
    s.does_not_show.push(w(
        "文件在任何外部时间之前已经存在：所有时间均来自本人的设备。",
        "Existence before any outside date: every time here comes from the owner’s machine.",
    ));
    s
}

/// Names, titles and files at the length that people really type, and beyond.
pub(crate) fn long() -> Sheet {
    let mut s = merchant();
    s.operator.name =
        "内蒙古自治区呼伦贝尔市莫力达瓦达斡尔族自治旗尼尔基镇数字版权存证与公共法律服务中心有限责任公司".into();
    s.owner.name =
        "新疆维吾尔自治区巴音郭楞蒙古自治州若羌县楼兰文化创意产业投资运营（集团）股份有限公司乌鲁木齐第二分公司".into();
    s.title = Some("丝路长卷·第十二回：自玉门关外三垄沙西行至罗布泊北岸楼兰古城遗址沿途所见雅丹、胡杨、驼队与落日之大幅数字拼接全景摄影作品（2026 年秋季修订版，含航拍补图）".repeat(2));
    s.file.as_mut().unwrap().name =
        Some(format!("{}_final_v12-{}.tiff", "panorama-stitched-loulan-".repeat(4), "0123456789abcdef".repeat(4)));
    s.account = Words::same(
        "a-very-long-account-name-without-any-space-at-all@photography.department.loulan-culture.example.cn",
    );
    s.claims = vec![
        Claim {
            label: w("作者", "Author"),
            value: Words::same("阿卜杜热合曼·买买提艾力、Zoë Wójcik-Müller-Lüdenscheidt-Ångström"),
        },
        Claim { label: w("完成日期", "Completed"), value: Words::same("2026-10-31") },
        Claim {
            label: w("首次发表", "First published"),
            value: Words::same(
                "https://www.loulan-culture.example.cn/gallery/2026/autumn/panorama?id=60219934&utm_source=very_long_tracking_parameter_value_0123456789",
            ),
        },
    ];
    s
}

/// Digests alone, without a picture.
pub(crate) fn digest() -> Sheet {
    let mut s = merchant();
    s.kind = Kind::Digest;
    s.title = None;
    let file = s.file.take().unwrap();
    s.file = Some(File { name: None, size: None, mime: None, pixels: None, custody: Custody::Declared, ..file });
    s.checks.retain(|c| c.id != "file");
    s
}

/// As many checks and reservations as the verifier really prints.
pub(crate) fn full() -> Sheet {
    use Outcome::*;
    let mut s = self_made();
    let more = [
        check(
            "form",
            true,
            Pass,
            "容器、各条目和清单符合规定的形式。",
            "Container, entries and lists have the promised form.",
        ),
        check(
            "statement",
            true,
            Pass,
            "声明与记录所载的摘要一致。",
            "The statement has the digest that the record names.",
        ),
        check("ledger-binding", true, Pass, "账本名称与其密钥一致。", "The ledger’s name fits its key."),
        check(
            "log-role",
            false,
            Limited,
            "账本密钥没有平台身份：自行固定，或身份不明。",
            "The ledger’s key has no role of a platform: self-made or unknown.",
        ),
        check("statement-token-2", false, NotChecked, "另一时间令牌未检查。", "Another token was not checked."),
    ];
    for (i, c) in more.into_iter().enumerate() {
        s.checks.insert(i, c);
    }
    s.does_not_show = vec![
        w(
            "不证明谁是作者、权利归谁、他人是否侵权，也不说明取得摘要之前的事。",
            "It does not show who the author is, who holds rights, whether anybody infringes, or what was true before the digest was taken.",
        ),
        w(
            "账本第 18 条之后的记录未检查（例如对本记录的更正），只有节点能检查。",
            "Records after size 18 (a correction of this one, for example) were not checked; only a node can.",
        ),
        w("打印或显示的页面未检查。", "The printed or shown page was not checked."),
        w(
            "存证主体、题名、作者等由其自行声明；身份如何核实，只是运营者的说法。",
            "Owner, title, author and the like are the owner’s own words; how identity was checked is the operator’s word.",
        ),
        w("运营者与存证主体是同一人：自行固定。", "Operator and owner are the same person: self-made."),
        w(
            "时间只由未标为独立的机构（按运营者自己看待）确认。",
            "The times rest only on authorities that are not marked independent, so on the operator’s own.",
        ),
        w(
            "没有他人见证账本：单一运营者可能向不同的人出示不同的账本。",
            "Nobody else witnesses the ledger: a single operator could show different ledgers to different people.",
        ),
    ];
    s
}

/// The sealing token is missing: nothing contradicts, not everything is there.
pub(crate) fn incomplete() -> Sheet {
    let mut s = merchant();
    s.kind = Kind::File;
    s.file.as_mut().unwrap().name = Some("contract-2026.psd".into());
    s.file.as_mut().unwrap().mime = Some("image/vnd.adobe.photoshop".into());
    s.file.as_mut().unwrap().pixels = None;
    s.verdict = Verdict::Incomplete;
    s.t2 = None;
    s.events.pop();
    for c in &mut s.checks {
        if c.id == "sealing-token-1" {
            c.result = Outcome::NotChecked;
            c.text = w("没有覆盖检查点的令牌。", "There is no token over the checkpoint.");
        }
    }
    s
}

/// The file is another one.
pub(crate) fn not_verified() -> Sheet {
    let mut s = merchant();
    s.verdict = Verdict::NotVerified;
    s.checks[0].result = Outcome::Fail;
    s.checks[0].text =
        w("SHA-256 与记录不同：所给 9f86d081，记录 d530a1e2。", "SHA-256 differs: given 9f86d081, recorded d530a1e2.");
    s.t1.as_mut().unwrap().result = Outcome::Fail;
    s.events.retain(|e| e.what != EventKind::Content);
    s
}

/// A shop's page, captured by the platform; its screenshot in two parts.
pub(crate) fn capture() -> (Sheet, Pictures) {
    use Outcome::*;
    let mut s = merchant();
    let line = |zh, en, value: &str| Line { label: w(zh, en), value: Words::same(value) };
    s.kind = Kind::Capture;
    s.title = Some("釉色渐变马克杯 莫兰迪色系 - 好物集市".into());
    s.provenance = Provenance::PlatformCaptured;
    s.file.as_mut().unwrap().name = Some("capture.wacz".into());
    s.file.as_mut().unwrap().mime = Some("application/wacz".into());
    s.file.as_mut().unwrap().pixels = None;
    s.t1 = moment("2026-11-24T22:12:31Z", w("鹊凿内置", "Quezao"), false, Limited);
    s.t2 = moment("2026-11-24T22:12:39Z", beichen(), true, Pass);
    s.events = vec![
        event(EventKind::Order, "2026-11-24T22:11:46Z", Clock::Tsa, Some(beichen())),
        event(EventKind::Opened, "2026-11-24T22:11:49Z", Clock::Machine, None),
        event(EventKind::Content, "2026-11-24T22:12:31Z", Clock::Own, None),
        event(EventKind::Seal, "2026-11-24T22:12:39Z", Clock::Tsa, Some(beichen())),
    ];
    s.checked = "2026-11-24T22:13:40Z".into();
    let hop = |status, url: &str| Hop { status: Some(status), url: url.into() };
    let peer = |host: &str, address: &str, tls| Peer { host: host.into(), address: address.into(), tls };
    let listed = |name: &str, size| Listed { name: name.into(), size, sha256: SHA256.into() };
    s.report = Some(Report {
        url: "http://hwjs.example/s/8Kd2Qx".into(),
        final_url: Some("https://item.hwjs.example/p/60219934".into()),
        title: None,
        ended: Some(Ended::Complete),
        reasons: vec![],
        remarks: vec![w("页面弹出对话框，已取消", "the page opened a dialog, which was dismissed")],
        flags: vec![w("系统中另装有 CA 证书", "CA certificates were added to the system")],
        told: true,
        other: Some(true),
        order: Some("019ab7d4-0000-7e08-b5f1-c26a90d81e54".into()),
        attempt: Some((2, 1, 48_903)),
        ordered: moment("2026-11-24T22:11:46Z", beichen(), true, Pass),
        hops: vec![hop(302, "http://hwjs.example/s/8Kd2Qx"), hop(200, "https://item.hwjs.example/p/60219934")],
        peers: vec![
            peer("hwjs.example", "203.0.113.18:80", false),
            peer("item.hwjs.example", "203.0.113.24:443", true),
        ],
        site: vec![line("名称", "Name", "item.hwjs.example"), line("颁发者", "Issuer", "Example Trust DV CA 2")],
        environment: vec![line("系统", "System", "Debian GNU/Linux 12 (bookworm), Linux 6.1.0-31-amd64")],
        shown: vec![Shown { label: w("价格", "Price"), value: "¥168.00".into(), place: Some([20, 1_190, 300, 40]) }],
        files: vec![
            listed("order", 115_322),
            listed("environment-before", 8_675),
            listed("screenshot-full", 1_638_657),
        ],
        exchanged: (85, 84, 4_310_221),
        left_out: [0, 0, 2, 3],
        screenshot: Some(Screenshot { width: 390, height: 3_000, parts: vec![(0, 1_200), (1_200, 2_500)] }),
    });
    let parts = vec![(0, 1_200, thumbnail(390, 1_200)), (1_200, 2_500, thumbnail(390, 1_300))];
    (s, Pictures { width: 390, height: 3_000, parts })
}

/// A small picture, warm against dark.
pub(crate) fn thumbnail(width: u32, height: u32) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(width, height, |x, y| {
        let (u, v) = (x as f32 / width as f32, y as f32 / height as f32);
        let sun = (1.0 - ((u - 0.6).powi(2) + (v - 0.5).powi(2)).sqrt() * 2.0).max(0.0);
        image::Rgb([(60.0 + 180.0 * sun) as u8, (50.0 + 110.0 * sun * v) as u8, (80.0 + 60.0 * (1.0 - v)) as u8])
    });
    let mut out = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut out, image::ImageFormat::Jpeg).unwrap();
    out.into_inner()
}

/// Files as a package holds them.
pub(crate) fn attachments() -> Vec<(String, Vec<u8>)> {
    [
        "statement.json",
        "timestamp-1.tsr",
        "record.json",
        "proof.tlog",
        "checkpoint.txt",
        "checkpoint.tsr",
        "trust-policy",
        "trust-tsa-0123456789abcdef.pem",
        "verify.py",
        "VERIFY.txt",
    ]
    .iter()
    .map(|n| (n.to_string(), format!("{n}\n").into_bytes()))
    .collect()
}

/// With CERTIFICATE_OUT=folder the sheets stay there, to be looked at.
pub(crate) fn keep(name: &str, locale: Locale, pdf: &[u8]) {
    if let Some(folder) = std::env::var_os("CERTIFICATE_OUT") {
        std::fs::write(Path::new(&folder).join(format!("{name}-{locale:?}.pdf").to_lowercase()), pdf).unwrap();
    }
}

/// Runs a tool of poppler on `pdf`; `None` where the machine has none.
pub(crate) fn poppler(tool: &str, args: &[&str], pdf: &[u8]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.pdf");
    std::fs::write(&path, pdf).unwrap();
    let mut command = Command::new(tool);
    let args: Vec<_> = args.iter().map(|a| a.replace("PDF", path.to_str().unwrap())).collect();
    match command.args(args).output() {
        Ok(out) => {
            assert!(out.status.success(), "{tool}: {}", String::from_utf8_lossy(&out.stderr));
            Some(String::from_utf8(out.stdout).unwrap())
        }
        Err(_) => {
            eprintln!("not run: {tool} is not here (Debian: poppler-utils)");
            None
        }
    }
}

pub(crate) fn text(pdf: &[u8]) -> Option<String> {
    poppler("pdftotext", &["-layout", "PDF", "-"], pdf)
}
