// The table: what lies on it, the jobs that look at it, the verdict. Nothing is kept, nothing is sent.

const $ = (id) => document.getElementById(id);
const empty = () => ({ artefact: [], folder: false, aside: [], originals: [] });
const noTrust = () => ({ files: [], folder: "" });

// Roots that whoever serves this page offers, `{"name","files":[{"name","hex"}]}`; a file from a disk offers none. They
// are used only if the reader says so, and then named as that operator's wherever the trust is named.
const offered = JSON.parse($("offered")?.textContent ?? "null");

let table = empty(), trust = noTrust(), outcome = null, problem = null, busy = null;
// Ends the jobs of a table that was changed since.
let running = new AbortController();

const isCertificate = ({ file }) => run({ job: "certificate", file }, file.size, { signal: running.signal }).catch((e) => {
  if (e.message === "ended") throw e;
  return false;
});

const bytesOf = (items) => items.reduce((sum, item) => sum + item.file.size, 0);

// Adds what was dropped and verifies again.
async function add(items) {
  if (!items.length) return;
  restart();
  const mine = running;
  problem = null;
  try {
    if (items.length > MAX_FILES) return refuse("v-too-many", { n: number(MAX_FILES) });
    const split = splitTrust(items);
    if (split.trust.length) takeTrust(split);
    const sorted = await sortEvidence(split.rest, table.artefact.length > 0, isCertificate);
    if (mine !== running) return;
    if (sorted.artefact.length && table.artefact.length) {
      table = sorted;
    } else if (sorted.artefact.length) {
      table = { ...sorted, originals: [...table.originals, ...sorted.originals] };
    } else {
      table.originals.push(...sorted.originals);
      table.aside.push(...sorted.aside);
    }
    await verify();
  } catch (e) {
    if (mine === running) refuse(`v-job-${e.message}`);
  }
}

// A folder takes the place of the trust there was; loose files are laid to it.
function takeTrust({ trust: files, folder }) {
  if (folder) trust = { files, folder };
  else trust = { folder: trust.offered ? trust.folder : "", offered: trust.offered, files: [...trust.files.filter((old) => !files.some((item) => item.name === old.name)), ...files] };
}

function takeOffered() {
  const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
  const files = offered.files.map(({ name, hex }) => ({ name, path: name, file: new File([bytes(hex)], name) }));
  trust = { folder: t("v-offer-name", { name: clean(offered.name) }), offered: true, files };
  restart();
  again();
}

// What was said of the table before it changed no longer stands.
function restart() {
  running.abort();
  running = new AbortController();
  busy = outcome = null;
}

function refuse(id, values) {
  problem = { id, values };
  outcome = null;
  busy = null;
  draw();
}

// Digests what has none yet, then asks for the verdict.
async function verify() {
  const mine = running;
  const { artefact, folder, originals } = table;
  if (bytesOf(artefact) > MAX_ARTEFACT || artefact.length > MAX_FILES) return refuse("v-too-large", { name: clean(artefact[0].name), n: MAX_ARTEFACT >> 20 });
  const large = trust.files.find((item) => item.file.size > MAX_TRUST);
  if (large) return refuse("v-too-large", { name: clean(large.name), n: MAX_TRUST >> 20 });
  for (const item of originals.filter((item) => !item.digests)) {
    busy = { item, done: 0 };
    draw();
    const digests = await run({ job: "hash", file: item.file }, item.file.size, {
      signal: mine.signal, progress: (done) => mine === running && progressed(done),
    });
    item.digests = digests;
  }
  busy = artefact.length ? {} : null;
  draw();
  if (!artefact.length) return;
  const at = Date.now();
  const plain = (items) => items.map(({ name, file }) => ({ name, file }));
  const given = originals.map(({ name, file, digests }) => ({ name, file, ...digests }));
  const job = { job: "verify", now: at * 1000, folder, artefact: plain(artefact), trust: plain(trust.files), given };
  const beside = bytesOf(originals.filter((item) => /^(504b|7b22)/.test(item.digests.head)));
  const { verdict, shown } = await run(job, bytesOf(artefact) + 4 * beside, { signal: mine.signal });
  if (mine !== running) return;
  if (!verdict) {
    const { trust_error: wrong } = shown;
    return refuse(wrong ? "v-trust-unusable" : "v-job-stopped", wrong && { file: clean(wrong.file), reason: wrong });
  }
  const name = folder ? folderOf(artefact[0]).replace(/\/$/, "") : artefact[0].name;
  outcome = { verdict: JSON.parse(verdict), json: verdict, shown, at, artefact: name, originals: [...originals], trust: { ...trust } };
  busy = null;
  draw();
  $("said").textContent = `${t(`v-phrase-${face(outcome.verdict, shown)}`)}. ${t(`v-object-${face(outcome.verdict, shown)}`)}`;
  $("phrase").focus({ preventScroll: true });
  scrollTo(0, 0);
}

function progressed(done) {
  busy.done = done;
  const bar = document.querySelector("#list progress");
  if (bar) bar.value = done;
}

function save() {
  if (!outcome) return;
  const url = URL.createObjectURL(new Blob([outcome.json, "\n"], { type: "application/json" }));
  const name = `verdict-${outcome.shown.record?.id ?? outcome.artefact.replace(/\.[^.]*$/, "")}.json`;
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}

function clear() {
  restart();
  table = empty();
  outcome = problem = null;
  draw();
  $("files").focus();
}

// Takes one thing off the table.
async function remove(item) {
  restart();
  problem = null;
  for (const list of ["artefact", "aside", "originals"]) table[list] = table[list].filter((other) => other !== item);
  if (table.folder && !table.artefact.length) table.folder = false;
  await again();
}

// Another one of several is the evidence.
async function choose(item) {
  restart();
  problem = null;
  table = { ...table, artefact: [item], folder: false, aside: [...table.aside.filter((other) => other !== item), ...table.artefact] };
  await again();
}

async function again() {
  const mine = running;
  await verify().catch((e) => mine === running && refuse(`v-job-${e.message}`));
}

function draw() {
  fillTexts();
  $("said").textContent = "";
  $("intake").hidden = false;
  const opened = [...document.querySelectorAll("#verdict details")];
  const open = opened.length ? new Set(opened.filter((d) => d.open).map((d) => d.dataset.check)) : null;
  $("problem").replaceChildren(...(problem ? [problemNote()] : []));
  const acts = { save, again: clear, dropOriginal, dropTrust };
  $("verdict").replaceChildren(...(outcome ? renderVerdict(outcome, outcome.drawn ? open : null, acts) : []));
  if (outcome) outcome.drawn = true;
  $("intro").hidden = Boolean(outcome);
  drawList();
  drawTrust();
}

function problemNote() {
  const { reason, ...values } = problem.values ?? {};
  return h("p.note.bad", icon("fail", "mk bad"), h("span", t(problem.id, { ...values, reason: reason && said(reason) })));
}

function dropOriginal() {
  const wanted = outcome.shown.record?.file;
  const note = wanted ? t("v-original-wanted", { n: number(wanted.size), name: outcome.shown.claims.file_name ?? "" }) : t("v-only-here");
  return zone("v-drop-original", note, "v-choose", "main", { multiple: "", id: "original" });
}

const dropTrust = () => zone("v-trust-add", t("v-only-here"), "v-trust-choose", "", { webkitdirectory: "", id: "trust-missing" });

function zone(title, note, choose, kind, attributes) {
  const input = h("input.sr", { type: "file", ...attributes, onchange: () => add(fromInput(input)) });
  return h("div.drop.slim", icon("sheet"), h("p.t", t(title)), h("p.soft.small", note), h(`label.btn${kind && `.${kind}`}`, h("span", t(choose)), input));
}

function drawList() {
  const row = (item, role) => {
    const name = clean(role === "folder" ? folderOf(item).replace(/\/$/, "") : item.name);
    const hashing = busy?.item === item;
    const total = role === "folder" ? bytesOf(table.artefact) : item.file.size;
    const all = role === "folder" ? () => { table.artefact = []; table.folder = false; } : () => {};
    return h("li",
      h("div", h("span.n", name), h("span.m", t("v-role-of", { role: t(`v-role-${role}`), size: size(total) }), hashing ? ` · ${t("v-hashing")}` : ""),
        hashing ? h("progress", { max: item.file.size || 1, value: busy.done, "aria-label": t("v-hashing-name", { name }) }) : null),
      h("div.acts",
        role === "aside" ? h("button.btn.slim", { type: "button", onclick: () => choose(item) }, t("v-this-one")) : null,
        h("button.btn.slim", { type: "button", "aria-label": t("v-remove-name", { name }), onclick: () => { all(); remove(item); } }, t("v-remove"))));
  };
  const shown = table.folder ? table.artefact.slice(0, 1) : table.artefact;
  const rows = [
    ...shown.map((item) => row(item, table.folder ? "folder" : "artefact")),
    ...table.originals.map((item) => row(item, "original")),
    ...table.aside.map((item) => row(item, "aside")),
  ];
  if (rows.length && !table.artefact.length) rows.push(h("li.wait", h("div", h("strong", t("v-need-evidence")))));
  $("list").replaceChildren(...rows);
  $("given").hidden = !rows.length;
  $("list").setAttribute("aria-busy", String(busy !== null));
}

function drawTrust() {
  const { files, folder } = trust;
  const names = files.map((item) => clean(item.name)).sort();
  $("trusted").replaceChildren(files.length
    ? h("p", h("strong", folder ? t("v-trust-folder", { folder: clean(folder) }) : t("v-trust-loose")), h("span.m.mono", names.join("  ")))
    : h("p", t("v-trust-none")));
  $("trust-clear").hidden = !files.length;
  $("offer").hidden = !offered || Boolean(trust.offered);
  if (offered) $("offer-use").textContent = t("v-offer-use", { name: clean(offered.name) });
}

function listen() {
  for (const id of ["files", "folder", "trust-folder"]) {
    $(id).addEventListener("change", () => {
      const items = fromInput($(id));
      $(id).value = "";
      add(items);
    });
  }
  $("clear").addEventListener("click", clear);
  $("offer-use").addEventListener("click", takeOffered);
  $("trust-clear").addEventListener("click", () => {
    trust = noTrust();
    restart();
    again();
  });
  $("language").addEventListener("click", () => {
    language = language === "zh" ? "en" : "zh";
    draw();
  });
  // Wherever a file falls on the page, it is taken: a browser that opened it instead would leave the page.
  const over = (is) => document.body.classList.toggle("over", is);
  addEventListener("dragover", (event) => { event.preventDefault(); over(true); });
  addEventListener("dragleave", (event) => event.relatedTarget || over(false));
  addEventListener("drop", (event) => {
    event.preventDefault();
    over(false);
    fromDrop(event.dataTransfer).then(add, () => refuse("v-job-unreadable"));
  });
}

if (canRun()) {
  listen();
  draw();
  // The page first: unpacking takes a moment.
  setTimeout(() => startWorkers().catch(() => refuse("v-cannot-run")));
} else {
  refuse("v-cannot-run");
  $("intake").hidden = true;
}
