//! What the rules ask of electronic data, and which checks speak to it.
//!
//! Rules:
//! - A question is put in our own words; the rule's text decides.
//! - A check is named by the id that `spec/checks.md` gives it, without its number.
//! - What software cannot know is said beside what it saw, never instead of it: an operator's standing and interest, whether
//!   data arose in ordinary dealings, and whatever was so before the fingerprint was taken.
//!
//! Sources, all of the Supreme People's Court: 民事证据规定 (法释〔2019〕19 号) Art. 93 and 94; 人民法院在线诉讼规则
//! (法释〔2021〕12 号) Art. 16 to 19; 互联网法院规定 (法释〔2018〕16 号) Art. 11.

/// Chinese, English.
pub(crate) type Pair = (&'static str, &'static str);

/// What a record must be for a question to be asked of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Only {
    /// Any record.
    Any,
    /// One with a file.
    Filed,
    /// A web capture.
    Capture,
    /// One with a file that no capture made.
    Other,
    /// Words alone: a licence, what ended it, an attestation.
    Told,
}

impl Only {
    /// Whether it is of such records.
    pub(crate) fn fits(self, capture: bool, file: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Filed => file,
            Self::Capture => capture,
            Self::Other => file && !capture,
            Self::Told => !file,
        }
    }
}

/// One question of a rule.
pub(crate) struct Item {
    /// As the rule numbers it.
    pub item: &'static str,
    /// In our words.
    pub asks: Pair,
    /// Checks that speak to it.
    pub checks: &'static [&'static str],
    /// What software cannot answer, and of which records.
    pub beyond: &'static [(Only, Pair)],
}

/// An article.
pub(crate) struct Rule {
    /// Name and article.
    pub name: Pair,
    /// Its number.
    pub source: Pair,
    /// What it asks.
    pub items: &'static [Item],
}

/// Facts that were read on the way and speak to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stated {
    Nothing,
    /// When the platform received it.
    Received,
    /// Who is named.
    Owner,
    /// What the owner says of the time before.
    Before,
}

/// One of the things that a judge decides.
pub(crate) struct Decision {
    /// The question.
    pub asks: Pair,
    /// What was read and speaks to it.
    pub stated: Stated,
    /// Checks that speak to it.
    pub checks: &'static [&'static str],
    /// What software cannot answer.
    pub beyond: &'static [(Only, Pair)],
    /// Of which records it is asked.
    pub only: Only,
}

const MACHINE: Pair = (
    "产生该文件的设备和软件不在证据之中；需另行说明或查验。",
    "The device and software that made the file are not in the evidence; to be explained or inspected otherwise.",
);
const PLATFORM: Pair = (
    "平台自身的系统是否完整、可靠，只能查验平台，证据包里看不到。",
    "Whether the platform's own systems are whole and sound takes an inspection of the platform; a package does not show it.",
);
const STANDING: Pair = (
    "运营者有无资格、与当事人有无利害关系，须由其他证据说明；备案号只是运营者的陈述。",
    "The operator's standing and its interest in the case need other evidence; a filing number is the operator's statement.",
);
const DEALINGS: Pair = (
    "是否在正常往来或业务活动中形成，要看当事人的业务记录。",
    "Whether it arose in ordinary dealings or business shows in the parties' own books.",
);
const BEFORE: Pair = (
    "取得指纹以前内容是否真实、由谁制作，软件无从得知；可要求提交底稿、拍摄原片、发布记录等相互印证。",
    "Whether the content was true, and who made it, before the fingerprint was taken is beyond software; drafts, camera originals or publication records may corroborate it.",
);
const WORD: Pair = (
    "记录的是陈述：所说的是否属实、当事人之间约定过什么，软件无从得知；可要求提交合同、往来文件等相互印证。",
    "What was recorded are words: whether they are true, and what the parties agreed on, is beyond software; contracts and correspondence may corroborate it.",
);
const NAMED: Pair = (
    "写明的主体是否就是作者或权利人，不由账本决定。",
    "Whether the one who is named is the author or holds the rights is not for a ledger to say.",
);

pub(crate) const DECISIONS: &[Decision] = &[
    Decision {
        asks: ("所给的核验报告由谁出具", "Whose verification report is it that was given?"),
        stated: Stated::Nothing,
        checks: &["report"],
        beyond: &[],
        only: Only::Any,
    },
    Decision {
        asks: ("记录是否未变", "Is the record unchanged?"),
        stated: Stated::Nothing,
        checks: &[
            "form",
            "statement",
            "earlier-ledger",
            "named",
            "named-file",
            "certificate-signature",
            "printed-page",
        ],
        beyond: &[],
        only: Only::Told,
    },
    Decision {
        asks: ("文件是否未变", "Is the file unchanged?"),
        stated: Stated::Nothing,
        checks: &[
            "form",
            "file",
            "statement",
            "capture-resources",
            "comparison",
            "collection-manifest",
            "collection-items",
            "collection-file",
            "certificate-signature",
            "printed-page",
        ],
        beyond: &[],
        only: Only::Filed,
    },
    Decision {
        asks: ("何时存在，由谁确定时间", "What time, and by whom?"),
        stated: Stated::Received,
        checks: &["statement-token", "sealing-token", "times", "clock", "later", "renewal"],
        beyond: &[],
        only: Only::Any,
    },
    Decision {
        asks: ("写明的存证主体是谁，怎样确定", "Who is named as owner, and how was that established?"),
        stated: Stated::Owner,
        checks: &["disclosures", "related"],
        beyond: &[(Only::Any, NAMED)],
        only: Only::Any,
    },
    Decision {
        asks: ("账本由谁保管，本节点的副本是否一致", "Who kept the ledger, and does this node's own copy agree?"),
        stated: Stated::Nothing,
        checks: &[
            "operator",
            "log-role",
            "log-signature",
            "ledger-binding",
            "inclusion",
            "policy",
            "earlier-ledger",
            "own-copy",
            "own-refs",
            "ledger-alarms",
            "later-records",
        ],
        beyond: &[(Only::Any, STANDING)],
        only: Only::Any,
    },
    Decision {
        asks: (
            "网页取证：环境是否清洁，字节从何而来",
            "The capture: was the environment clean, is the path of the bytes known?",
        ),
        stated: Stated::Nothing,
        checks: &["capture-environment", "capture-order", "capture-path", "capture-contact"],
        beyond: &[(
            Only::Capture,
            (
                "别人在别处、以别的账号看到的页面可能不同。",
                "Others may have been shown another page, elsewhere or signed in.",
            ),
        )],
        only: Only::Capture,
    },
    Decision {
        asks: ("取得指纹之前", "Before the fingerprint was taken"),
        stated: Stated::Before,
        checks: &[],
        beyond: &[(Only::Any, BEFORE), (Only::Other, MACHINE)],
        only: Only::Filed,
    },
    Decision {
        asks: ("后来是否终止、确认或另有记录", "Was it ended, confirmed or spoken of later?"),
        stated: Stated::Nothing,
        checks: &["related", "later-records"],
        beyond: &[],
        only: Only::Told,
    },
    Decision {
        asks: ("所记的陈述是否属实", "Are the words true?"),
        stated: Stated::Nothing,
        checks: &[],
        beyond: &[(Only::Any, WORD)],
        only: Only::Told,
    },
];

pub(crate) const RULES: &[Rule] = &[
    Rule {
        name: (
            "《最高人民法院关于民事诉讼证据的若干规定》第九十三条",
            "Provisions on Evidence in Civil Proceedings, Article 93",
        ),
        source: ("法释〔2019〕19 号", "Fa Shi [2019] No. 19"),
        items: &[
            Item {
                item: "（一）",
                asks: (
                    "生成、存储、传输所依赖的软硬件是否完整、可靠",
                    "Were hardware and software that made, kept and carried it whole and sound?",
                ),
                checks: &["capture-environment"],
                beyond: &[(Only::Other, MACHINE), (Only::Any, PLATFORM)],
            },
            Item {
                item: "（二）",
                asks: (
                    "当时运行是否正常；不正常的，有没有影响",
                    "Did they run as they should, and if not, did it matter?",
                ),
                checks: &["clock", "capture-environment", "capture-order"],
                beyond: &[(Only::Other, MACHINE)],
            },
            Item {
                item: "（三）",
                asks: ("有没有防止出错的监测和核查手段", "Were there means that watch for errors and check for them?"),
                checks: &["inclusion", "log-signature", "policy", "own-copy", "ledger-alarms"],
                beyond: &[(Only::Any, PLATFORM)],
            },
            Item {
                item: "（四）",
                asks: (
                    "保存、传输、提取是否完整，方法是否可靠",
                    "Was it kept, carried and taken whole, by sound methods?",
                ),
                checks: &["file", "statement", "inclusion", "capture-resources", "capture-path"],
                beyond: &[],
            },
            Item {
                item: "（五）",
                asks: ("是否在正常往来活动中形成和存储", "Did it arise, and was it kept, in ordinary dealings?"),
                checks: &[],
                beyond: &[(Only::Any, DEALINGS)],
            },
            Item {
                item: "（六）",
                asks: ("保存、传输、提取的主体是否适当", "Were those who kept, carried and took it fit to do so?"),
                checks: &["operator", "log-role"],
                beyond: &[(Only::Any, STANDING)],
            },
            Item {
                item: "（七）",
                asks: ("其他影响完整和可靠的因素", "Anything else that bears on wholeness and soundness"),
                checks: &["times", "related", "later-records", "own-copy", "own-refs", "ledger-alarms"],
                beyond: &[(Only::Filed, BEFORE), (Only::Told, WORD)],
            },
        ],
    },
    Rule {
        name: (
            "《最高人民法院关于民事诉讼证据的若干规定》第九十四条",
            "Provisions on Evidence in Civil Proceedings, Article 94",
        ),
        source: ("法释〔2019〕19 号", "Fa Shi [2019] No. 19"),
        items: &[
            Item {
                item: "（一）",
                asks: ("是否由当事人提交或保管而于己不利", "Does it speak against the party that submits or keeps it?"),
                checks: &[],
                beyond: &[(Only::Any, ("对谁有利，由法庭判断。", "Whom it favours is for the court."))],
            },
            Item {
                item: "（二）",
                asks: (
                    "是否由记录和保存数据的中立第三方平台提供或确认",
                    "Is it provided or confirmed by a neutral third platform that recorded and kept it?",
                ),
                checks: &["operator", "log-role", "policy"],
                beyond: &[(Only::Any, STANDING)],
            },
            Item {
                item: "（三）",
                asks: ("是否在正常业务活动中形成", "Did it arise in ordinary business?"),
                checks: &[],
                beyond: &[(Only::Any, DEALINGS)],
            },
            Item {
                item: "（四）",
                asks: ("是否以档案管理方式保管", "Was it kept as archives are?"),
                checks: &["own-copy"],
                beyond: &[(
                    Only::Any,
                    (
                        "原件由谁、怎样保管，须由保管人说明。",
                        "Who kept the original, and how, is for the keeper to show.",
                    ),
                )],
            },
            Item {
                item: "（五）",
                asks: (
                    "是否以当事人约定的方式保存、传输、提取",
                    "Was it kept, carried and taken as the parties had agreed?",
                ),
                checks: &[],
                beyond: &[(Only::Any, ("有没有约定，看合同。", "Whether they had agreed shows in their contract."))],
            },
            Item {
                item: "第二款",
                asks: ("内容是否经公证机关公证", "Has a notary office notarised the content?"),
                checks: &[],
                beyond: &[(
                    Only::Any,
                    (
                        "节点的共同签名只说账本前后一致，不是对内容的公证。",
                        "A node's cosignature says that the ledger is consistent; it notarises no content.",
                    ),
                )],
            },
        ],
    },
    Rule {
        name: ("《人民法院在线诉讼规则》第十六条", "Online Litigation Rules of the People's Courts, Article 16"),
        source: ("法释〔2021〕12 号", "Fa Shi [2021] No. 12"),
        items: &[Item {
            item: "",
            asks: (
                "存于区块链的数据，经技术核验是否一致（上链后未经篡改的推定）",
                "Does data kept on a blockchain agree when technically verified (presumed not tampered with since)?",
            ),
            checks: &[
                "file",
                "statement",
                "inclusion",
                "log-signature",
                "sealing-token",
                "policy",
                "own-copy",
                "ledger-alarms",
            ],
            beyond: &[(
                Only::Any,
                (
                    "本账本是否算作区块链存储，由法庭判断；它是只增不减、可核验的日志，由上列密钥签署。",
                    "Whether this ledger counts as blockchain storage is for the court; it is an append-only, verifiable log signed by the keys above.",
                ),
            )],
        }],
    },
    Rule {
        name: ("《人民法院在线诉讼规则》第十七条", "Online Litigation Rules of the People's Courts, Article 17"),
        source: ("法释〔2021〕12 号", "Fa Shi [2021] No. 12"),
        items: &[
            Item {
                item: "（一）",
                asks: (
                    "平台是否符合国家关于区块链存证服务的规定",
                    "Does the platform meet the state's rules for such services?",
                ),
                checks: &["operator"],
                beyond: &[(Only::Any, STANDING)],
            },
            Item {
                item: "（二）",
                asks: (
                    "当事人与平台有无利害关系，有无以技术手段不当干预",
                    "Is a party tied to the platform, and did it interfere by technical means?",
                ),
                checks: &["operator", "log-role", "policy", "capture-environment"],
                beyond: &[(Only::Any, STANDING)],
            },
            Item {
                item: "（三）",
                asks: (
                    "系统是否符合清洁性、安全性、可靠性、可用性的标准",
                    "Do its systems meet the standards of being clean, safe, sound and available?",
                ),
                checks: &["capture-environment", "clock"],
                beyond: &[(Only::Any, PLATFORM)],
            },
            Item {
                item: "（四）",
                asks: (
                    "技术和过程是否符合系统环境、技术安全、加密、传输、信息验证方面的标准",
                    "Do technique and process meet the standards for environment, safety, cryptography, transport and verification?",
                ),
                checks: &[
                    "statement-token",
                    "sealing-token",
                    "log-signature",
                    "certificate-signature",
                    "report",
                    "capture-contact",
                ],
                beyond: &[(
                    Only::Any,
                    (
                        "所用算法和格式见规范，可由鉴定机构另行检验。",
                        "Algorithms and formats are specified, and an appraiser may test them.",
                    ),
                )],
            },
        ],
    },
    Rule {
        name: ("《人民法院在线诉讼规则》第十八条", "Online Litigation Rules of the People's Courts, Article 18"),
        source: ("法释〔2021〕12 号", "Fa Shi [2021] No. 12"),
        items: &[Item {
            item: "",
            asks: (
                "上链以前数据是否真实：来源、生成、存储、公证、见证、相互印证",
                "Was the data true before it went on the chain: origin, making, keeping, notary, witnesses, corroboration?",
            ),
            checks: &["capture-order", "capture-path", "capture-contact"],
            beyond: &[(Only::Filed, BEFORE), (Only::Told, WORD)],
        }],
    },
    Rule {
        name: ("《人民法院在线诉讼规则》第十九条", "Online Litigation Rules of the People's Courts, Article 19"),
        source: ("法释〔2021〕12 号", "Fa Shi [2021] No. 12"),
        items: &[Item {
            item: "",
            asks: (
                "是否需要专门知识的人、鉴定，或调取其他证据核对",
                "Is an expert, an appraisal or other evidence called for?",
            ),
            checks: &[],
            beyond: &[(
                Only::Any,
                (
                    "由法庭决定；本节点可导出只含文件、摘要与命令、不含结论的材料供鉴定使用。",
                    "For the court to decide; this node exports files, digests and commands without conclusions for an appraiser.",
                ),
            )],
        }],
    },
    Rule {
        name: (
            "《最高人民法院关于互联网法院审理案件若干问题的规定》第十一条",
            "Provisions on the Trial of Cases by Internet Courts, Article 11",
        ),
        source: ("法释〔2018〕16 号", "Fa Shi [2018] No. 16"),
        items: &[
            Item {
                item: "（一）",
                asks: ("所依赖的软硬件环境是否安全、可靠", "Were the hardware and software relied on safe and sound?"),
                checks: &["capture-environment"],
                beyond: &[(Only::Other, MACHINE), (Only::Any, PLATFORM)],
            },
            Item {
                item: "（二）",
                asks: (
                    "生成主体和时间是否明确，内容是否清晰、客观、准确",
                    "Are maker and time clear, and is the content plain, objective, exact?",
                ),
                checks: &["disclosures", "related", "statement-token", "times"],
                beyond: &[(Only::Any, NAMED)],
            },
            Item {
                item: "（三）",
                asks: (
                    "存储、保管介质是否明确，方式是否妥当",
                    "Are the medium and the manner of keeping clear and fitting?",
                ),
                checks: &["inclusion", "own-copy"],
                beyond: &[(Only::Any, PLATFORM)],
            },
            Item {
                item: "（四）",
                asks: (
                    "提取和固定的主体、工具、方式是否可靠，过程能否重现",
                    "Were those who took and fixed it, their tools and manner sound, and can it be repeated?",
                ),
                checks: &[
                    "operator",
                    "log-role",
                    "capture-order",
                    "capture-path",
                    "capture-contact",
                    "capture-environment",
                ],
                beyond: &[(
                    Only::Capture,
                    (
                        "网页可能已经改变，重现只能比对当时留下的文件。",
                        "The page may have changed since; what can be repeated is the check of the files kept then.",
                    ),
                )],
            },
            Item {
                item: "（五）",
                asks: ("有没有增加、删除、修改或不完整", "Was anything added, removed, changed or left out?"),
                checks: &["file", "statement", "inclusion", "capture-resources"],
                beyond: &[],
            },
            Item {
                item: "（六）",
                asks: ("能否以特定形式验证", "Can it be verified in a given form?"),
                checks: &[
                    "form",
                    "log-signature",
                    "sealing-token",
                    "statement-token",
                    "certificate-signature",
                    "policy",
                ],
                beyond: &[],
            },
        ],
    },
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Each id is one that the specification lists, or what only this node can look at.
    #[test]
    fn every_check_named_is_in_the_specification() {
        let listed = include_str!("../../../../spec/checks.md");
        let known = |id: &str| {
            ["own-copy", "own-refs", "ledger-alarms"].contains(&id)
                || listed.contains(&format!("| `{id}` |"))
                || listed.contains(&format!("| `{id}-N` |"))
        };
        let rules = RULES.iter().flat_map(|r| r.items).flat_map(|i| i.checks);
        for id in rules.chain(DECISIONS.iter().flat_map(|d| d.checks)) {
            assert!(known(id), "{id}");
        }
    }

    /// A question that no check speaks to says why, and for every record.
    #[test]
    fn no_question_is_passed_over() {
        for item in RULES.iter().flat_map(|r| r.items) {
            let always = item.checks.iter().any(|c| !c.starts_with("capture-") && *c != "file");
            for (capture, file) in [(true, true), (false, true), (false, false)] {
                let said = item.beyond.iter().any(|(only, _)| only.fits(capture, file));
                assert!(always || said, "{} {capture} {file}", item.asks.1);
            }
        }
    }
}
