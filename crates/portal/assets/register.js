// The register page: what was dropped, one row a file, three at once; each with its picture, progress and error.
import { Refused, canDigest, declare, deposit, digest, forget, introduce, measure, recall, send, sweep, unpack } from "./send.js";
import { rights } from "./rights.js";

const AT_ONCE = 3, MANY = 50, MUCH = 300e6, MOST = 2 * 2 ** 30, SECONDS_A_FILE = 0.15;
const form = document.getElementById("register");
if (form) start();

function start() {
  const words = JSON.parse(form.dataset.words);
  const at = (id) => document.getElementById(id);
  const [batch, drop, choose, folder, go, library] = ["batch", "drop", "choose", "choose-folder", "go", "library"].map(at);
  const [all, bar, told, plan, chosen, zips] = ["all", "all-bar", "all-words", "plan", "chosen", "zips"].map(at);
  const [ask, askWords, kept, keptError] = ["ask", "ask-words", "kept", "e-kept"].map(at);
  const files = [];
  let running = 0, begun = 0, bytesBegun = 0, agreed = false, list = "";

  const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const size = (n) => n < 1e6 ? `${Math.ceil(n / 1e3)} KB` : n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(2)} GB`;
  const NS = "http://www.w3.org/2000/svg";
  const make = (tag, name, text) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text) node.textContent = text;
    return node;
  };
  const mark = (name, kind) => {
    const svg = document.createElementNS(NS, "svg"), use = document.createElementNS(NS, "use");
    svg.setAttribute("class", kind);
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `#i-${name}`);
    svg.append(use);
    return svg;
  };
  const chosenOf = (name) => form.querySelector(`input[name="${name}"]:checked`)?.value;
  const digestOnly = () => chosenOf("keep") === "digest";

  introduce(form.dataset.csrf);
  sweep();
  // What only a script can do.
  for (const part of form.querySelectorAll("[data-script]")) {
    part.hidden = part.id === "scope-part";
    part.disabled = false;
    for (const input of part.querySelectorAll("input, select")) input.disabled = false;
  }
  if (!canDigest()) form.querySelector("[name=keep][value=digest]").disabled = true;
  const claims = rights(form, words, say, files);

  // ---- rows ----

  const DONE = ["new", "existing", "pending", "unpacked"];
  const failed = (f) => ["failed", "interrupted"].includes(f.state);
  const BUSY = ["digesting", "sending", "resuming", "working", "unpacking"];
  const MARKS = { waiting: ["todo", "go"], new: ["ok", "ok"], existing: ["no", "go"], pending: ["wait", "wait"], unpacked: ["ok", "ok"], failed: ["bad", "bad"], interrupted: ["bad", "bad"] };

  function row(path, bytes) {
    const item = { path, bytes, file: null, state: "waiting", sent: 0, stop: null, errors: [], row: make("li") };
    item.picture = make("span", "pageicon");
    item.picture.append(mark("hash", ""));
    item.words = make("div", "n", path);
    if (bytes !== null) item.words.append(make("span", "m", size(bytes)));
    item.standing = make("div", "go-col");
    item.remove = make("button", "icon-btn");
    item.remove.type = "button";
    item.remove.setAttribute("aria-label", `${words.remove} ${path}`);
    item.remove.append(mark("x", ""));
    item.remove.addEventListener("click", () => {
      item.stop?.abort();
      if (item.place) forget(item);
      files.splice(files.indexOf(item), 1);
      item.row.remove();
      tell();
    });
    item.row.append(item.picture, item.words, item.standing, item.remove);
    files.push(item);
    return item;
  }

  // `found`: files with their paths from the dropped folder on.
  function add(found) {
    chosen.textContent = "";
    for (const { file, path } of found) {
      if (claims.isTable(file)) continue;
      const item = row(path, file.size);
      item.file = file;
      item.zip = /\.zip$/i.test(file.name);
      recall(item);
      if (/^image\/(jpeg|png|webp|gif|bmp|avif)$/.test(file.type)) {
        const image = new Image(72, 54);
        image.alt = "";
        image.loading = "lazy";
        image.decoding = "async";
        image.addEventListener("load", () => URL.revokeObjectURL(image.src));
        image.addEventListener("error", () => image.replaceWith(item.picture));
        image.src = URL.createObjectURL(file);
        item.picture.replaceWith(image);
      }
      if (!file.size) wrong(item, words.empty);
      else if (file.size > MOST && !digestOnly()) wrong(item, words["too-long"]);
      batch.append(item.row);
      show(item);
    }
    zips.hidden = zips.disabled = !files.some((f) => f.zip) || digestOnly();
    claims.folders();
    agreed = false;
    asking(false);
    tell();
  }

  function wrong(item, text) {
    item.state = "failed";
    item.errors.push(text);
  }

  function show(item) {
    const [name, kind] = MARKS[item.state] ?? ["go", "go"];
    const standing = make("span", `state ${kind}`);
    const part = item.bytes ? Math.floor(100 * item.sent / item.bytes) : 0;
    const moving = ["sending", "digesting"].includes(item.state);
    const word = item.state === "waiting" && item.recalled && !digestOnly() ? "goes-on" : item.state;
    standing.append(mark(name, `mk ${kind}`), words[word] + (moving ? ` ${Math.min(part, 100)}%` : ""));
    item.standing.replaceChildren(standing);
    if (moving) {
      const progress = make("progress");
      progress.max = item.bytes || 1;
      progress.value = item.sent;
      progress.setAttribute("aria-label", item.path);
      item.standing.append(progress);
    }
    if (item.id) {
      const link = make("a", "small", words.see);
      link.href = `/deposits/${item.id}`;
      item.standing.append(" ", link);
    }
    if (item.state === "failed" && item.file?.size) {
      const again = make("button", "btn slim", words.retry);
      again.type = "button";
      again.addEventListener("click", () => { retry([item]); });
      item.standing.append(again);
    }
    for (const old of item.words.querySelectorAll(".err")) old.remove();
    for (const text of item.errors) item.words.append(make("span", ["failed", "interrupted"].includes(item.state) ? "err" : "err warn", text));
    item.remove.hidden = DONE.includes(item.state) || ["working", "unpacking"].includes(item.state);
  }

  function tell() {
    const count = (...states) => files.filter((f) => states.includes(f.state)).length;
    const own = files.filter((f) => f.file), total = own.reduce((n, f) => n + f.bytes, 0);
    tooFew(own.filter((f) => f.state === "waiting"));
    plan.textContent = own.length ? say(words.plan, { n: own.length, size: size(total) }) : "";
    const open = count("waiting"), failed = count("failed", "interrupted"), busy = count(...BUSY);
    go.textContent = open ? say(words["submit-n"], { n: open }) : go.dataset.plain;
    all.hidden = !begun;
    drop.classList.toggle("slim", files.length > 0);
    bar.max = total || 1;
    const done = own.reduce((n, f) => n + ([...DONE, "failed"].includes(f.state) ? f.bytes : f.sent), 0);
    bar.value = done;
    told.textContent = say(words["counts-live"], { done: count(...DONE), busy, waiting: open, failed });
    const seconds = (performance.now() - begun) / 1000, fresh = done - bytesBegun;
    if (begun && busy && seconds > 5 && fresh > 0) told.textContent += say(words.left, { time: minutes(seconds * (total - done) / fresh) });
    library.hidden = !count(...DONE);
    at("failures").hidden = !failed || busy > 0;
    if (failed && !busy) listFailures();
  }

  // What is left was asked when the page was drawn. What is on record already costs nothing, so the word is no refusal.
  function tooFew(open) {
    const { left, bytes } = form.dataset, needed = digestOnly() ? 0 : open.reduce((n, f) => n + f.bytes, 0);
    const few = left !== undefined && !begun && open.length > Number(left), full = bytes !== undefined && !begun && needed > Number(bytes);
    at("short").textContent = few ? say(words.short, { n: open.length, left }) : full ? say(words["short-bytes"], { size: size(needed), left: size(Number(bytes)) }) : "";
  }

  const minutes = (seconds) => say(words.minutes, { n: Math.max(1, Math.ceil(seconds / 60)) });

  // The failures as a table; what a spreadsheet would take for a formula is text.
  function listFailures() {
    const cell = (text) => `"${(/^[=+\-@\t\r]/.test(text) ? "'" + text : text).replace(/"/g, '""')}"`;
    const rows = files.filter((f) => ["failed", "interrupted"].includes(f.state));
    const lines = rows.map((f) => [f.path, `${f.bytes ?? ""}`, f.errors.join(" ")].map(cell).join(","));
    URL.revokeObjectURL(list);
    list = URL.createObjectURL(new Blob(["\ufeff", words["csv-head"], "\r\n", lines.join("\r\n"), "\r\n"], { type: "text/csv" }));
    at("failed-list").href = list;
  }

  // ---- work ----

  // A picture waits for its attachments, which stand on the ledger before it; without one of them it fails.
  function ready(item) {
    if (item.state !== "waiting" || !item.agreed) return false;
    const attachments = claims.attachments(item), lost = attachments.find(failed);
    if (lost) {
      wrong(item, say(words["attachment-failed"], { name: lost.path }));
      show(item);
    }
    return !lost && attachments.every((a) => DONE.includes(a.state));
  }

  function next() {
    const item = running < AT_ONCE && files.find(ready);
    if (!item) { tell(); return; }
    running += 1;
    item.stop = new AbortController();
    item.sent = 0;
    item.state = "sending";
    work(item).catch((e) => wrong(item, e instanceof Refused ? e.message : words.cut)).finally(() => {
      running -= 1;
      show(item);
      tell();
      next();
    });
    next();
  }

  async function work(item) {
    const told = (state) => { item.state = state; show(item); tell(); };
    const progress = (n) => { item.sent = n; show(item); tell(); };
    const { signal } = item.stop;
    item.errors = [];
    const attachments = claims.attachments(item).map((a) => a.id);
    if (digestOnly()) {
      told("digesting");
      const digests = await digest(item.file, progress, { stopped: words["digest-wrong"], unreadable: words.unreadable });
      told("working");
      return settled(item, () => declare(digests, item.file.name, claims.of(item), attachments, { signal }));
    }
    told("sending");
    await send(item, { progress, told, signal });
    item.sent = item.bytes;
    let sha256 = null;
    if (item.recalled) {
      told("digesting");
      ({ sha256 } = await digest(item.file, progress, { stopped: words["digest-wrong"], unreadable: words.unreadable }));
    }
    const zip = item.zip ? chosenOf("zip") : "whole";
    if (zip !== "whole") {
      told("unpacking");
      const failed = await expand(item, sha256, signal);
      if (failed) item.errors.push(say(words["zip-some"], { n: failed }));
      else if (zip === "unpack") forget(item);
      if (zip === "unpack") return undefined;
    }
    told("working");
    return settled(item, () => deposit(item, claims.of(item), attachments, sha256, { signal }));
  }

  // What is acknowledged and not sealed yet is asked about again beside the others; the same request has the same answer.
  async function settled(item, ask) {
    settle(item, await ask());
    if (item.state === "pending") follow(item, ask).catch(() => null);
  }

  async function follow(item, ask) {
    for (let seconds = 2; item.state === "pending" && seconds < 300; seconds *= 2) {
      await new Promise((done) => setTimeout(done, seconds * 1000));
      const line = await ask();
      if (line.status === "pending" || line.error) continue;
      item.errors = [];
      settle(item, { ...line, status: "new" });
      show(item);
      tell();
    }
  }

  function settle(item, line) {
    item.state = line.status;
    item.id = line.id;
    item.errors.push(...[line.error, ...line.warnings].filter(Boolean));
  }

  // A row for each file of a ZIP, beneath it.
  async function expand(item, sha256, signal) {
    let last = item.row, failed = 0;
    for (const old of files.filter((f) => f.of === item)) { files.splice(files.indexOf(old), 1); old.row.remove(); }
    const head = ({ passed }) => { if (passed) item.errors.push(say(words.passed, { n: passed })); };
    const each = (line) => {
      const entry = row(`${item.path}/${line.file}`, null);
      entry.of = item;
      settle(entry, line);
      failed += ["failed", "interrupted"].includes(entry.state) ? 1 : 0;
      last.after(entry.row);
      last = entry.row;
      show(entry);
      tell();
    };
    await unpack(item, claims.of(item), sha256, { head, each, signal });
    item.state = "unpacked";
    return failed;
  }

  function retry(items) {
    for (const item of items) {
      item.state = "waiting";
      item.errors = [];
      show(item);
    }
    submit();
  }

  // ---- before it begins ----

  async function submit() {
    const open = files.filter((f) => f.state === "waiting" && f.file);
    for (const item of open) item.unpack = item.zip && !digestOnly() && chosenOf("zip") === "unpack";
    chosen.textContent = open.length ? "" : words["no-files"];
    keptError.textContent = digestOnly() && !kept.checked ? words["kept-first"] : "";
    if (!open.length) { choose.focus(); return; }
    if (keptError.textContent) { kept.focus(); return; }
    if (!await claims.check()) return;
    const total = open.reduce((n, f) => n + f.bytes, 0);
    if (!agreed && (open.length >= MANY || total >= MUCH)) { await preflight(open.length, total); return; }
    begin();
  }

  // One primary act at a time: the question stands in the button's place.
  const asking = (yes) => { ask.hidden = !yes; at("begin").hidden = yes; };

  async function preflight(n, total) {
    asking(true);
    askWords.textContent = words["ask-measuring"];
    let rate = 5e6;
    try {
      if (digestOnly()) {
        const begun = performance.now();
        await digest(new Blob([new Uint8Array(8 << 20)]), () => {}, {});
        rate = (8 << 20) * 1000 / (performance.now() - begun);
      } else {
        rate = await measure();
      }
    } catch { /* A guess is better than no word; what is wrong shows at the first file. */ }
    const time = minutes(total / rate + n * SECONDS_A_FILE);
    askWords.textContent = say(words[digestOnly() ? "ask-digest" : "ask"], { n, size: size(total), time });
    askWords.focus();
  }

  function begin() {
    agreed = true;
    asking(false);
    for (const item of files) if (item.state === "waiting" && item.file) item.agreed = true;
    begun = performance.now();
    bytesBegun = files.reduce((n, f) => n + (DONE.includes(f.state) && f.file ? f.bytes : f.sent), 0);
    next();
  }

  // ---- what was dropped ----

  // A dropped folder is walked; hidden names and what a browser cannot read are passed over.
  async function walk(entry, found) {
    if (entry.isFile) {
      const file = await new Promise((done, no) => entry.file(done, no));
      found.push({ file, path: entry.fullPath.slice(1) || file.name });
    }
    if (!entry.isDirectory) return;
    const reader = entry.createReader();
    for (;;) {
      const part = await new Promise((done, no) => reader.readEntries(done, no));
      if (!part.length) return;
      for (const inner of part) if (!inner.name.startsWith(".")) await walk(inner, found).catch(() => null);
    }
  }

  const named = (list) => [...list].filter((f) => !(f.webkitRelativePath || f.name).split("/").some((p) => p.startsWith(".")))
    .map((file) => ({ file, path: file.webkitRelativePath || file.name }));

  go.dataset.plain = go.textContent;
  for (const input of [choose, folder]) input.addEventListener("change", () => { add(named(input.files)); input.value = ""; });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const plain = named(event.dataTransfer.files);
    const entries = [...event.dataTransfer.items].map((i) => i.webkitGetAsEntry?.()).filter(Boolean);
    const found = [];
    for (const entry of entries) await walk(entry, found).catch(() => null);
    add(found.length ? found : plain);
  });
  for (const input of form.querySelectorAll("[name=keep]")) {
    input.addEventListener("change", () => {
      at("digest-only").hidden = !digestOnly();
      zips.hidden = zips.disabled = !files.some((f) => f.zip) || digestOnly();
    });
  }
  kept.addEventListener("change", () => { keptError.textContent = ""; });
  at("ask-yes").addEventListener("click", begin);
  at("ask-no").addEventListener("click", () => { asking(false); go.focus(); });
  at("again").addEventListener("click", () => {
    retry(files.filter((f) => f.file?.size && (failed(f) || files.some((entry) => entry.of === f && failed(entry)))));
  });
  at("table").addEventListener("change", () => {
    for (const item of files.filter((f) => f.file && claims.isTable(f.file))) item.remove.click();
  });
  form.addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  addEventListener("beforeunload", (event) => { if (files.some((f) => BUSY.includes(f.state))) event.preventDefault(); });
}
