//! Verifications, for everybody: the verdict of `quezao verify --json`, under the operator's own trust. Nothing is kept.

use super::{
    describe::{Content, Operation, Sent},
    shape::{Kind, Member, Need, Shape, member},
    upload, written,
};
use crate::{app::App, enter::IntoAnswer, pages::Shown, visit::Visit};
use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use service::Answer;

const SENTENCE: &[Member] = &[
    member("zh", Kind::Text(8192), Need::Always, "中文", "Chinese"),
    member("en", Kind::Text(8192), Need::Always, "英文", "English"),
];
const SAID: Shape = Shape { name: "Sentence", members: &[SENTENCE] };
const CHECK: Shape = Shape {
    name: "Check",
    members: &[
        &[
            member("id", Kind::Text(100), Need::Always, "检查的名称，见 spec/", "its name, as listed in spec/"),
            member(
                "result",
                Kind::Word(&["pass", "limited", "not_checked", "fail"]),
                Need::Always,
                "结果",
                "what came out",
            ),
            member("required", Kind::Flag, Need::Always, "通过是否必需", "whether the verdict needs it"),
            member("expected", Kind::Text(8192), Need::OrNull, "应有的值", "what must stand there"),
            member("found", Kind::Text(8192), Need::OrNull, "实有的值", "what stands there"),
        ],
        SENTENCE,
    ],
};
pub(super) const VERDICT: Shape = Shape {
    name: "Verdict",
    members: &[&[
        member(
            "result",
            Kind::Word(&["verified", "not_verified", "incomplete"]),
            Need::Always,
            "结论",
            "the verdict in one word",
        ),
        member("checks", Kind::List(&CHECK, 10_000), Need::Always, "逐项检查", "each check"),
        member("shows", Kind::List(&SAID, 1000), Need::Always, "这能说明什么", "what this shows"),
        member("does_not_show", Kind::List(&SAID, 1000), Need::Always, "这不能说明什么", "what this does not show"),
    ]],
};

pub(crate) const CREATE: Operation = Operation {
    method: "post",
    path: "/api/v1/verifications",
    scope: None,
    id: "createVerification",
    zh: "核验一份证书（PDF）或证据包（ZIP）及其原件，按运营方自己的信任根；结果与 quezao verify --json 相同，什么都不保存。不愿信任运营方的人应在自己的电脑上核验",
    en: "Verifies a certificate (PDF) or package (ZIP) and its original under the operator's own roots; the answer is that of quezao verify --json, and nothing is kept. Who does not want to trust the operator verifies on his own machine",
    query: &[],
    key: false,
    bodies: &[Sent::Multipart(&[("evidence", true, false), ("file", false, true)], None)],
    answers: &[(200, &[Content::Json(&VERDICT)])],
    refusals: &[404, 413, 415, 422],
    curl: "-F evidence=@certificate.pdf -F file=@poster.jpg",
    example: "",
};

/// [`CREATE`].
pub(crate) async fn create(State(app): State<App>, visit: Visit, request: Request) -> Shown {
    verified(&app, &visit, request).await.map_err(IntoAnswer::into_answer)
}

async fn verified(app: &App, visit: &Visit, request: Request) -> Answer<Response> {
    let upload = upload::multipart(request).await?;
    // A place first: what is read is held in memory.
    let place = app.reading(visit).await;
    let given = upload::verification(upload).await?;
    let verdict =
        app.work(move |folder| folder.verify_beside(&given.evidence, &given.originals, given.own.as_deref())).await?;
    drop(place);
    // As the command line writes it, in its order.
    Ok(written(StatusCode::OK, &VERDICT, verdict.to_json()))
}
