//! What each check proves, what it does not, and what to do when it does not hold.

/// The long form of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Explanation {
    pub proves_zh: &'static str,
    pub proves_en: &'static str,
    pub not_zh: &'static str,
    pub not_en: &'static str,
    pub todo_zh: &'static str,
    pub todo_en: &'static str,
}

/// The explanation of a check id; numbered ones with or without their number.
pub fn explain(id: &str) -> Option<Explanation> {
    let bare = id.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('-');
    let found = TABLE.iter().find(|(name, _)| *name == id || *name == bare && NUMBERED.contains(name));
    found.map(|(_, [proves_zh, proves_en, not_zh, not_en, todo_zh, todo_en])| Explanation {
        proves_zh,
        proves_en,
        not_zh,
        not_en,
        todo_zh,
        todo_en,
    })
}

/// Ids that end in a number.
const NUMBERED: [&str; 7] =
    ["statement-token", "sealing-token", "later", "renewal", "collection-file", "named-file", "related"];

type Row = (&'static str, [&'static str; 6]);

const TABLE: &[Row] = &[
    (
        "form",
        [
            "证据包只有一种写法，各项内容齐全，与清单一致。",
            "The package has the one form it may have: every entry is there and as listed.",
            "不证明内容真实；伪造者也能写出格式正确的包。",
            "Nothing about the contents: a forger can write a well-formed package too.",
            "重新取得原始文件；不要用其他工具重新打包。",
            "Get the file again from its source; do not repack it with another tool.",
        ],
    ),
    (
        "file",
        [
            "给出的文件与声明中的大小、SHA-256、SM3 全部一致。",
            "Size, SHA-256 and SM3 of the given file are those in the statement.",
            "不证明文件的来历，也不证明谁制作了它。",
            "Not where the file came from, nor who made it.",
            "把原件与证据一起给出；经聊天软件转发或重新保存的图片会改变，请用原始文件。",
            "Give the original together with the evidence; messengers and editors change pictures, so use the untouched file.",
        ],
    ),
    (
        "statement",
        [
            "声明就是账本记录中的那一份，一字不差。",
            "The statement is, byte for byte, the one inside the ledger's record.",
            "不证明声明的内容属实。",
            "Not that what it states is true.",
            "若提示需要更新的核验程序，请更新；否则重新取得证据包。",
            "Where a newer reader is asked for, update; otherwise get the package again.",
        ],
    ),
    (
        "disclosures",
        [
            "显示的存证主体与各项内容，就是声明当时承诺的原值。",
            "Owner and claims shown are those that the statement committed to.",
            "不证明这些内容属实；未披露的内容仍然保密。",
            "Not that they are true; what is not disclosed stays hidden.",
            "重新取得证据包；需要更多内容时请存证主体导出法院用的完整披露版。",
            "Get the package again; for more claims ask the owner for the court's copy (--disclose full).",
        ],
    ),
    (
        "ledger-binding",
        [
            "声明写明的账本就是签署检查点的账本，记录不能搬到别的账本。",
            "The statement names the ledger that signed, so it cannot be replayed into another.",
            "不证明账本由谁运营。",
            "Not who runs that ledger.",
            "比对账本标识；两者不同即为拼接。",
            "Compare the origins; where they differ, pieces of two packages were put together.",
        ],
    ),
    (
        "statement-token",
        [
            "时间戳覆盖整份声明：文件、存证主体、各项声明在该时间之前已经存在，不能挪到他人的声明上。",
            "The token covers the whole statement: file, owner and claims existed by then, and it cannot be moved to another owner's.",
            "不证明更早是否存在；未标为独立的机构等于运营者自己。",
            "Not whether they existed earlier; an authority not marked independent is the operator's own.",
            "把该机构的根证书（从可靠来源取得，比对指纹）放入信任文件夹的 tsa-*.pem，并在 roles.json 注明身份。",
            "Put the authority's root, got and compared from a reliable source, into your trust folder as tsa-*.pem, with its line in roles.json.",
        ],
    ),
    (
        "inclusion",
        [
            "记录确在检查点所签的账本之中。",
            "The record is in the ledger that the checkpoint signs.",
            "不证明账本只有一个版本，那要靠见证。",
            "Not that there is only one version of that ledger: that is what witnesses are for.",
            "证明与检查点须出自同一次导出；请重新导出。",
            "Proof and checkpoint must come from one export; export again.",
        ],
    ),
    (
        "log-signature",
        [
            "检查点由您自己信任的账本密钥签署。",
            "The checkpoint is signed by a ledger key that you yourself trust.",
            "证据自带的密钥从不算数。",
            "A key that the evidence brings never counts.",
            "从别处取得账本公钥并比对，写入信任文件夹 policy 的 log 行。",
            "Get the ledger's key from elsewhere, compare it, and put it on a log line of your policy.",
        ],
    ),
    (
        "log-role",
        [
            "您的信任设置说明了账本密钥属于平台。",
            "Your trust says that the ledger's key is a platform's.",
            "不证明平台可靠。",
            "Not that the platform is reliable.",
            "在 roles.json 为该密钥写上您确认过的身份。",
            "Write the role that you have ascertained for this key into roles.json.",
        ],
    ),
    (
        "policy",
        [
            "您规则要求的见证密钥签署了账本的这一状态。",
            "The witness keys that your policy asks for cosigned this state of the ledger.",
            "见证只确认账本没有改写过去，不确认记录内容；规则不要求见证时只有单一运营者的话。",
            "Witnesses confirm that the ledger did not rewrite its past, not what records say; with no witness asked for it is one operator's word.",
            "等待更多见证后重新导出，或检查 policy 是否列出了正确的见证密钥。",
            "Export again when more witnesses have signed, or see whether your policy lists the right keys.",
        ],
    ),
    (
        "operator",
        [
            "账本第一条记录写明运营者是谁，与本记录同在一个检查点之下。",
            "The ledger's first record says who runs it, under the same checkpoint.",
            "这是运营者的自述，不证明其资质。",
            "It is the operator's own word, not a proof of standing.",
            "向运营者索取带有 operator-* 三项的证据包。",
            "Ask the operator for a package with the three operator-* entries.",
        ],
    ),
    (
        "sealing-token",
        [
            "检查点（连同签名）在该时间之前已经存在。",
            "The checkpoint, signatures included, existed by then.",
            "不证明此后账本没有增加记录。",
            "Not that nothing was added to the ledger since.",
            "尚未封存的，稍后重新导出；机构未知的，同声明时间戳一样加入信任。",
            "Where it is not sealed yet, export again later; where the authority is unknown, add it as for the statement's token.",
        ],
    ),
    (
        "times",
        [
            "收到、盖时间戳、见证、封存的先后相符，且都不晚于您的时钟。",
            "Receipt, time-stamps, cosignatures and seal are in order, none later than your clock.",
            "不证明平台时钟准确。",
            "Not that the platform's clock was right.",
            "先校准自己的时钟；仍不符则该证据自相矛盾。",
            "Set your own clock first; if it still fails, the evidence contradicts itself.",
        ],
    ),
    (
        "clock",
        [
            "平台称其时钟与他源比对过。",
            "The platform says that it compared its clock with another.",
            "这只是平台的说法；证据的时间以时间戳为准。",
            "It is the platform's word; the time-stamps date the evidence.",
            "无须处理。",
            "Nothing to do.",
        ],
    ),
    (
        "later",
        [
            "同一账本后来的检查点仍包含这条记录。",
            "A later checkpoint of the same ledger still holds the record.",
            "不检查两个检查点之间的其他记录。",
            "It does not check other records in between.",
            "缺少密钥的，同 log-signature。",
            "Where a key is missing, see log-signature.",
        ],
    ),
    (
        "renewal",
        [
            "续期时用更强的摘要重新为全部证据盖了时间戳。",
            "All evidence was stamped again with a stronger digest.",
            "不改变最初的时间。",
            "It does not change the first date.",
            "机构未知的，加入信任文件夹。",
            "Where the authority is unknown, add it to your trust folder.",
        ],
    ),
    (
        "certificate-signature",
        [
            "证书由您信任的签名者签署，此后未被改动。",
            "The certificate is signed by a signer that you trust and did not change since.",
            "页面供人阅读；核验的是附件。",
            "The page is for people; the attached files are what is verified.",
            "签名者的根证书从别处取得，放入信任文件夹（signer-*.pem）；也可用 pdfsig、Acrobat 另行检查。末尾版本缺失或有外来内容的，请索取原来的证书文件。",
            "Get the signer's root from elsewhere and put it into your trust folder (signer-*.pem); pdfsig and Acrobat check it too. Where the last revision is missing or something foreign follows, ask for the certificate as it was issued.",
        ],
    ),
    (
        "report",
        [
            "这是一份核验报告，由您信任的签署者签署，此后未被改动；它说的就是所附的那份证据。",
            "This is a verification report, signed by a signer that you trust and not changed since; it speaks of the evidence attached to it.",
            "不证明报告的结论：那由出具的节点按自己的副本和信任得出。其余各项核验的是所附的证据，如同单独给出。",
            "Nothing of what the report concludes: that was by the node's own copy and trust. All other checks are of the attached evidence, as if it had been given alone.",
            "向出具的机构索取其签署证书的根，与 quezao node key 公布的 SHA-256 比对后放入信任文件夹（signer-*.pem），并在 roles.json 注明身份；节点自己的时间戳机构同样放入 tsa-*.pem。不能取得的，用 pdfdetach 取出证据单独核验。",
            "Ask the institution for the root of its signing certificate, compare the SHA-256 that quezao node key publishes, and put it into your trust folder (signer-*.pem), with its line in roles.json; likewise the node's own time authority as tsa-*.pem. Where that cannot be had, take the evidence out with pdfdetach and verify it alone.",
        ],
    ),
    (
        "capture-resources",
        [
            "取证文件就是声明所指的那一份，每个字节都列明并有摘要，网址、标题和文字与声明一致。",
            "The capture's file is the statement's, each of its bytes is listed and digested, and address, title and text are one with the statement.",
            "不证明网站确实发出了这些内容，也不证明页面所说属实：取证机器如何取得，由平台负责。经明文 HTTP 取得的内容，途中任何人都可能改动。",
            "Not that the site sent these bytes, nor that what the page says is true: how they were obtained rests on the capturing machine. What came over plain HTTP anybody on the way could have changed.",
            "没有给出 WACZ 的，一并给出；与声明不符的，索取原来的文件。",
            "Where the WACZ was not given, give it along; where it is not the statement's, ask for the file as it was.",
        ],
    ),
    (
        "capture-path",
        [
            "最终网页由指令网址经有记录的跳转到达；页面自行跳转的步骤，依据取证系统的操作日志。",
            "The page was reached from the ordered URL by recorded redirects; where a page went on by itself, by the capturing system's log.",
            "不证明网站为何跳转，也不证明别的访问者会到达同一网页。",
            "Not why the site redirected, nor that other visitors would reach the same page.",
            "有保留的，对照 WACZ 中的 operations 和截图；不成立的，这不是所指令网址的取证。",
            "Where it is limited, look at operations and the screenshots in the WACZ; where it fails, this is no capture of the ordered URL.",
        ],
    ),
    (
        "capture-order",
        [
            "取证指令先于取证记录写入账本并封存，网址、目的和存证主体与取证记录一致。",
            "The order was on the ledger and sealed before the capture's record was made, for the same address, purpose and owner.",
            "不证明页面内容在指令之后取得，那依赖取证机器；也不证明没有别的指令。",
            "Not that the page's bytes came after it, which rests on the capturing machine; nor that there were no other orders.",
            "把账本密钥和时间戳机构加入信任文件夹；指令不符的，向平台索取说明。",
            "Add the ledger's key and the time authority to your trust folder; where the order does not fit, ask the platform.",
        ],
    ),
    (
        "capture-contact",
        [
            "指令封存之后，网站证书的密钥有过签名应答。",
            "The key of a site's certificate signed after the order was sealed.",
            "不约束页面内容、地址和浏览器的连接；没有它也不说明什么。",
            "It binds no page content, address or connection of the browser; its absence proves nothing.",
            "网站根证书从别处取得，放入信任文件夹（web-*.pem）。",
            "Get the roots of web sites from elsewhere and put them into your trust folder (web-*.pem).",
        ],
    ),
    (
        "capture-environment",
        [
            "取证系统自己报告的危险信号：hosts 条目、外来根证书、时钟偏差、前后差异等。",
            "Red flags that the capturing system itself reports: hosts entries, foreign roots, a clock that is off, differences.",
            "报告不是证明：被人控制的机器可以不报。",
            "A report is no proof: a machine under another's control can leave them out.",
            "有保留的，读 WACZ 中的 environment-after/page 等报告，并向平台索取说明。",
            "Where it is limited, read the reports in the WACZ (environment-after/page), and ask the platform.",
        ],
    ),
    (
        "comparison",
        [
            "比对文件格式正确，所列的取证和登记记录与账本记录所引用的一致，时间相容。",
            "The comparison's document has its form, names the records that its own record refers to, and its times are in order.",
            "不证明相似就是侵权，也不证明没有列出的就不存在；距离是平台算出的。",
            "Not that what is similar infringes, nor that what is not listed is absent; distances are the platform's figures.",
            "没有给出比对文件的，一并给出；与声明不符的，索取原来的文件。",
            "Where the document was not given, give it along; where it is not the statement's, ask for the file as it was.",
        ],
    ),
    (
        "comparison-distances",
        [
            "由取证文件和登记的原件重新算出的摘要与距离，和比对文件所写的相同。",
            "Digests and distances, computed again from the capture's file and the registered originals, are those of the document.",
            "不证明页面上没有其他相似的图像；有损图片的解码器不同，距离可能相差几位。",
            "Not that nothing else on the page is similar; another decoder of lossy pictures may move a distance by a few bits.",
            "把取证文件（WACZ）和登记的原件一并给 quezao verify。",
            "Give quezao verify the capture's file (WACZ) and the registered originals along.",
        ],
    ),
    (
        "earlier-ledger",
        [
            "记录写明的前一账本，用它自己的密钥签署过所附的检查点。",
            "The earlier ledger that the record names signed the checkpoint in it with its own key.",
            "不证明前一账本的运营者同意或是同一运营者（持有其检查点的任何人都可以写明它），也不证明那是它的最后一个检查点。",
            "Not that the earlier ledger's operator agreed or is the same (anybody who holds its checkpoint can name it), nor that it was its last one.",
            "与您手中前一账本最新的证书或检查点比对规模；如有更大的，请向运营者询问。",
            "Compare the size with the newest certificate or checkpoint of the earlier ledger that you have; ask the operator if yours is larger.",
        ],
    ),
    (
        "collection-manifest",
        [
            "清单格式正确，所列记录都在本记录之前写入账本；没有取走、加入或调换任何一条。",
            "The list has its form and every record on it was on the ledger before this one; no line was taken out, added or moved.",
            "不证明清单齐全：列入哪些由存证主体选定。",
            "Not that the list is complete: the owner chose what to put on it.",
            "没有清单的，索取证书或证据包原件；不要自行改动 manifest.jsonl。",
            "Where it is absent, ask for the certificate or package as issued; do not edit manifest.jsonl.",
        ],
    ),
    (
        "collection-items",
        [
            "清单上每条记录都在同一检查点之内，存证主体相同，各有有效的时间戳。",
            "Each listed record is under this one checkpoint, of the same owner, and has a valid token of its own.",
            "不证明文件由谁创作；姓名相同而没有号码的，也可能不是同一人。",
            "Not who made the files; equal names without a number may be two persons.",
            "把账本密钥和时间戳机构加入信任文件夹；存证主体未披露的，索取完整副本。",
            "Add the ledger's key and the time authorities to your trust folder; where the owner is not disclosed, ask for the full copy.",
        ],
    ),
    (
        "collection-file",
        [
            "给出的文件与清单该条的大小、SHA-256、SM3 全部一致。",
            "Size, SHA-256 and SM3 of the given file are those of this line of the list.",
            "没有给出的文件没有比对。",
            "Nothing about files that were not given.",
            "把各原件与证书一起给出；不在清单中的文件请另找其证书。",
            "Give the originals together with the certificate; a file that is on no line has another certificate, or none.",
        ],
    ),
    (
        "named",
        [
            "许可写明的登记有记录随附，其叶哈希与许可所写一致：编号、标题和文件摘要就是双方所指的那些。",
            "The registrations that the licence names are carried along and have the leaf hashes that it names: numbers, titles and digests are those that were meant.",
            "不证明它们在账本中的位置和时间，也不证明许可方享有权利；那由各自的证据包证明。",
            "Not their places in the ledger or their times, nor that the licensor holds rights: each one's own package shows what it can.",
            "不符时，向平台重新导出许可的证据包。",
            "Where one does not fit, have the licence's package exported again.",
        ],
    ),
    (
        "named-file",
        [
            "给出的文件，就是许可写明的某一项登记（或其合集清单某一条）的文件：大小、SHA-256、SM3 全部一致。",
            "The given file is that of one of the registrations which the licence names, or of a line on a named collection's list: size, SHA-256 and SM3 agree.",
            "不证明此刻的使用在许可的期限、网址和范围之内，也不证明许可方享有权利。",
            "Not that a use is within the licence's term, pages and scope, nor that the licensor holds rights.",
            "改动过（缩放、压缩、裁剪、转发）的图片摘要不同：请给出登记时的原文件；登记未随附的，请用各自的证据包核验。",
            "A picture that was changed (resized, recompressed, cropped, sent by a messenger) has other digests: give the file that was registered. Where a registration is not carried along, verify with its own package.",
        ],
    ),
    (
        "related",
        [
            "同一账本中另有一条关于本记录的记录（补充声明、许可的终止或确认、存证主体身份的核实）：它与本记录绑定，存证主体相同，另有自己的时间和账本位置。",
            "Another record of this ledger is about this one (a further claim, a licence's end or confirmation, an owner's name established): it is bound to this record, of the same owner, and has its own time and place in the ledger.",
            "不证明其内容属实；身份由谁核实、许可如何确认，只是运营者的说法；也不证明没有更多的记录。",
            "Not that what it says is true; who established a name, and how a licence was confirmed, is the operator's word; nor that there are no further records.",
            "时间戳机构或账本密钥未知时，把它们加入您的信任设置；内容不符时，向平台重新导出。",
            "Where the time authority or the ledger's key is unknown, add it to your trust folder; where it does not fit, have the package exported again.",
        ],
    ),
    (
        "later-records",
        [
            "从不检查：离线无法知道账本后来写了什么。",
            "Never checked: offline nobody knows what the ledger wrote later.",
            "后来的更正、撤销不在其中。",
            "Later corrections or revocations are not seen.",
            "向节点查询。",
            "Ask a node.",
        ],
    ),
    (
        "printed-page",
        [
            "默认不检查：核验的是附件，不是页面。",
            "Not checked unless drawn again: the attached files are verified, not the page.",
            "打印件可能与附件不同。",
            "A print may differ from the attached files.",
            "以附件为准。",
            "Go by the attached files.",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbered_ids_are_found() {
        assert_eq!(explain("statement-token-3"), explain("statement-token"));
        assert!(explain("later-1").is_some() && explain("later-records").is_some());
        assert_ne!(explain("later-1"), explain("later-records"));
        assert!(explain("form-1").is_none() && explain("nothing").is_none());
    }
}
