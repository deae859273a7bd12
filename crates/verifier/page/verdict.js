// The verdict as a person reads it: the phrase, what is missing, the questions in the order in which a judge asks them, what
// was verified, what it shows, what software cannot answer, and last what it does not show.

const face = (verdict, shown) => (verdict.result === "verified" && shown.reserved ? "reserved" : verdict.result);
const KIND = { verified: "ok", reserved: "res", not_verified: "bad", incomplete: "wait" };
const RESULT = { pass: "ok", limited: "res", not_checked: "wait", fail: "bad" };

// Most lines of one numbered question that were not checked: a collection has one a file.
const MOST = 20;

function lines(checks, render) {
  const seen = new Map(), shown = [];
  let left = 0;
  for (const item of checks) {
    const bare = item.id.replace(/\d+$/, "");
    const n = item.result === "not_checked" ? (seen.get(bare) ?? 0) + 1 : 0;
    if (n) seen.set(bare, n);
    if (n > MOST) left += 1;
    else shown.push(render(item));
  }
  return left ? [...shown, h("li.wait", h("p.more", t("v-more", { n: number(left) })))] : shown;
}

// The question of a check; those with a number say which one it is, from the second on.
function question(id) {
  const [, bare, n] = id.match(/^(.*?)(?:-(\d+))?$/);
  const known = has(`v-q-${id}`) ? `v-q-${id}` : `v-q-${bare}`;
  if (!has(known)) return id;
  return t(known) + (Number(n) > 1 ? t("v-q-nth", { n: Number(n) }) : "");
}

function section(id, title, note, ...body) {
  const heading = h("h2", { id }, title);
  return h("section.sec", { "aria-labelledby": id }, note ? h("div.h", heading, h("p", note)) : heading, ...body);
}

const plain = (sentences) => h("ul.plain.measure", sentences.map((text) => h("li", sentence(text))));

function head({ verdict, shown, at, trust }) {
  const which = face(verdict, shown);
  const roots = t(trust.folder ? "v-roots" : trust.files.length ? "v-roots-loose" : "v-roots-none", {
    folder: clean(trust.folder), n: trust.files.length, at: `${shifted(at)} (UTC+8)`,
  });
  const dates = verdict.shows.length ? [shown.t1, shown.t2] : [];
  const place = dates.findIndex((seal) => seal?.independent);
  const seal = place < 0 ? dates[0] : dates[place];
  return h(`div.verdict.${KIND[which]}`,
    icon(`seal-${which}`),
    h("div",
      h("h1.phrase", { tabindex: "-1", id: "phrase" }, t(`v-phrase-${which}`)),
      h("p.object", t(`v-object-${which}`)),
      seal ? h("p.date", t(place === 1 ? "v-sealed-by" : "v-existed-by"), " ", dated(seal.at),
        h("span.m", t(seal.independent ? "v-authority" : "v-authority-own", { name: seal.authority }))) : null,
      h("p.roots", sentence(roots))));
}

// What is required and could not be checked, each with its way out: the original and the trust folder can be given here.
// Without any trust most of it has that one reason.
function missing({ verdict, shown, trust }, acts) {
  const open = verdict.checks.filter((check) => check.required && check.result === "not_checked");
  if (verdict.result !== "incomplete" || !open.length) return null;
  const row = (title, ...lines) => h("li", icon("not_checked", "mk wait"), h("div", h("strong", title), lines.map((text) => h("span.m", text))));
  const file = open.find((check) => check.id === "file");
  const others = open.filter((check) => check !== file);
  const rows = [], zones = [];
  if (file) {
    rows.push(row(t("v-original"), said(file)));
    zones.push(acts.dropOriginal());
  }
  if (!trust.files.length && others.length) {
    rows.push(row(t("v-trust-yours"), t("v-trust-open"), others.map((check) => question(check.id)).join(" ")));
    zones.push(acts.dropTrust());
  } else {
    rows.push(...others.map((check) => row(question(check.id), said(check), shown.explained[check.id] ? said(shown.explained[check.id])[2] : "")));
  }
  return section("missing", t("v-missing"), "", h("div.stack-l", h("ul.rows.mark", rows), h("div.stack", zones)));
}

function compared(check) {
  const { expected, found, result } = check;
  const rows = [];
  const row = (term, content) => rows.push(h("dt", term), h("dd", content));
  if (expected !== null) row(t("v-expected"), value(expected, result === "fail" ? found : null));
  if (found !== null) row(t("v-found"), value(found, result === "fail" ? expected : null));
  return rows;
}

function check(item, shown, opened) {
  const kind = RESULT[item.result];
  const rows = compared(item);
  const explained = shown.explained[item.id];
  if (explained) {
    const [proves, not, todo] = said(explained);
    for (const [term, text] of [["v-proves", proves], ["v-proves-not", not], ["v-to-do", item.result === "pass" ? "" : todo]]) {
      if (text) rows.push(h("dt", t(term)), h("dd", text));
    }
  }
  rows.push(h("dt", t("v-check-id")), h("dd.mono", item.id));
  const details = h("details", { "data-check": item.id, open: (opened ? opened.has(item.id) : item.result === "fail") && "" },
    h("summary",
      icon(item.result, `mk ${kind}`),
      h("span", h("span.q", question(item.id)), h("span.a", sentence(said(item)))),
      h("span.w", t(`v-result-${item.result}`)),
      icon("chev", "tw")),
    h("dl.two", rows));
  return h(`li.${kind}`, details);
}

const CLAIMS = ["owner_name", "owner_code", "owner_id_masked", "identity_method", "acting_account", "file_name", "title",
  "author", "work_origin", "basis", "completed_at", "completed_place", "published_at", "published_place", "published_url",
  "url", "final_url", "page_title", "purpose", "outcome"];

// An owner who ran the ledger himself made a record of his own, whatever the kind.
function titleOf(record) {
  const kind = has(`v-kind-${record.kind}`) ? t(`v-kind-${record.kind}`) : record.kind;
  return record.relation === "same-person" ? t("v-self-made", { kind }) : kind;
}

function facts({ artefact, originals, shown }) {
  const rows = [];
  const row = (term, ...content) => rows.push(h("dt", term), h("dd", content));
  const { record, claims, ledger, operator } = shown;
  row(t("v-evidence"), clean(artefact), record ? h("span.soft", titleOf(record), t("v-not-registration")) : "");
  for (const item of originals) row(t("v-original"), clean(item.name), h("span.soft", t("v-bytes", { n: number(item.file.size) })));
  if (record) row(t("v-record"), h("span.mono", record.id));
  for (const name of CLAIMS.filter((name) => claims[name] !== undefined && claims[name] !== null)) {
    const note = name === "owner_name" ? h("span.soft", t("v-owner-note")) : "";
    const word = `v-word-${name}-${claims[name]}`;
    row(t(`v-claim-${name}`), has(word) ? t(word) : String(claims[name]), note);
  }
  if (operator.operator_name) row(t("v-operator"), operator.operator_name, record?.relation ? h("span.soft", t(`v-relation-${record.relation}`)) : "");
  if (ledger) row(t("v-ledger"), h("span.mono", ledger.origin),
    h("span.soft", ledger.index === null ? t("v-size", { size: number(ledger.size) }) : t("v-leaf", { index: number(ledger.index), size: number(ledger.size) })));
  if (record?.sha256) row(t("v-record-digest"), digest(record.sha256));
  for (const [name, sha256] of shown.guides) {
    const own = name === "verify.py" && sha256 === TEXTS.verify_py;
    row(name, digest(sha256), h("span.soft", t(own ? "v-guide-own" : "v-guide")));
  }
  return section("facts", t("v-facts"), t("v-facts-note"), h("dl.facts", rows));
}

// `opened`: ids of the checks that stand open, or null for those that fail.
function renderVerdict(outcome, opened, acts) {
  const { verdict, shown } = outcome;
  const last = section("not", t("v-not"), "",
    h("div.stack-l", plain(verdict.does_not_show.map(said)),
      h("div.acts",
        h("button.btn.main", { type: "button", onclick: () => print() }, t("v-print")),
        h("button.btn", { type: "button", id: "save", onclick: acts.save }, t("v-save")),
        h("button.btn", { type: "button", id: "again", onclick: acts.again }, t("v-again")))));
  last.classList.add("last");
  return [
    head(outcome),
    missing(outcome, acts),
    section("questions", t("v-questions"), t("v-questions-note"),
      h("ol.checks", lines(verdict.checks, (item) => check(item, shown, opened)))),
    facts(outcome),
    verdict.shows.length ? section("shows", t("v-shows"), "", plain(verdict.shows.map(said))) : null,
    section("cannot", t("v-cannot"), "", plain([t("v-cannot-1"), t("v-cannot-2"), t("v-cannot-3")])),
    last,
  ].filter(Boolean);
}
