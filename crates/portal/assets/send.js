// How a file gets on record: sent by tus 1.0.0 and resumed where it stopped, or as digests that are taken here.
// What goes wrong is a Refused with the server's own sentence, or a Cut: the connection, which is tried again first.

export class Refused extends Error {}
export class Cut extends Error {}

const TUS = { "Tus-Resumable": "1.0.0" };
const STALL = 45_000, TRIES = 12, PROBE = 256 << 10;
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

let csrf = "", language = "zh";
export function introduce(token) {
  csrf = token;
  language = document.documentElement.lang.startsWith("zh") ? "detail_zh" : "detail";
}

// One request; XMLHttpRequest, since fetch does not say how much of a body is out.
function request(method, path, heads, body, { sent, signal } = {}) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    let stall = 0;
    const alive = () => { clearTimeout(stall); stall = setTimeout(() => call.abort(), STALL); };
    const end = (act) => { clearTimeout(stall); signal?.removeEventListener("abort", stop); act(); };
    const stop = () => call.abort();
    call.open(method, path);
    for (const [name, value] of Object.entries({ "X-Csrf": csrf, ...heads })) call.setRequestHeader(name, value);
    call.upload.addEventListener("progress", (event) => { alive(); sent?.(event.loaded); });
    // The body is out: now the server works, for as long as it takes.
    call.upload.addEventListener("load", () => clearTimeout(stall));
    for (const event of ["error", "abort", "timeout"]) call.addEventListener(event, () => end(() => reject(new Cut())));
    call.addEventListener("load", () => end(() => resolve(call)));
    signal?.addEventListener("abort", stop);
    alive();
    call.send(body);
  });
}

const good = (call) => call.status >= 200 && call.status < 300;

// The server's sentence in the page's language.
function refusal(call) {
  let said = null;
  try { said = JSON.parse(call.responseText); } catch { said = null; }
  return new Refused(said?.[language] ?? `HTTP ${call.status}`);
}

// Again where waiting helps: no connection, somebody else's hand on it, a server that restarts or is asked too often.
async function patiently(act, { signal, told } = {}) {
  for (let tried = 0; ; tried += 1) {
    try {
      const call = await act();
      if (![423, 429, 502, 503, 504].includes(call.status) || tried >= TRIES) return call;
    } catch (e) {
      if (!(e instanceof Cut) || signal?.aborted || tried >= TRIES) throw e;
    }
    told?.("resuming");
    await wait(Math.min(500 * 2 ** tried, 10_000));
    if (signal?.aborted) throw new Cut();
  }
}

const coded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)));

async function begin(name, size, options) {
  const heads = { ...TUS, "Upload-Length": `${size}`, "Upload-Metadata": `filename ${coded(name)}` };
  const call = await patiently(() => request("POST", "/uploads", heads, null), options);
  if (!good(call)) throw refusal(call);
  return call.getResponseHeader("Location");
}

// ---- known again ----

// An upload's address outlives its page: by path, length and date of the file, for as long as the server keeps it.
// Who changed the file and kept its date is found out: what was sent is registered under the digest that is taken here.
const KEPT = "quezao-upload ", LIFE = 3 * 24 * 3600e3;
const knownBy = ({ path, file }) => `${KEPT}${file.lastModified} ${file.size} ${path}`;

// A browser may keep nothing at all.
function shelf(act) {
  try { return act(localStorage); } catch { return null; }
}

const keep = (item) => shelf((kept) => kept.setItem(knownBy(item), `${Date.now()} ${item.place}`));
const unkeep = (item) => shelf((kept) => kept.removeItem(knownBy(item)));

// Finds where a file that is chosen again goes on: `item.place`, and that its digest is to be compared.
export function recall(item) {
  const [at, place] = (shelf((kept) => kept.getItem(knownBy(item))) ?? "").split(" ");
  if (!canDigest() || !/^\/uploads\/[0-9a-f]+$/.test(place)) return;
  if (Date.now() - Number(at) < LIFE) Object.assign(item, { place, recalled: true });
  else unkeep(item);
}

// What the server has swept is forgotten here too.
export const sweep = () => shelf((kept) => {
  for (const name of Object.keys(kept)) {
    if (name.startsWith(KEPT) && !(Date.now() - Number(kept.getItem(name).split(" ")[0]) < LIFE)) kept.removeItem(name);
  }
});

// Sends a file; `item.place` outlives a failure, so that the next try goes on from there. Gives the upload's address.
export async function send(item, { progress, told, signal }) {
  const { file } = item;
  let offset = null, tried = 0;
  const anew = async () => {
    Object.assign(item, { place: await begin(file.name, file.size, { signal, told }), recalled: false });
    offset = 0;
    keep(item);
  };
  if (!item.place) await anew();
  for (;;) {
    if (offset === null) {
      const state = await patiently(() => request("HEAD", item.place, TUS, null, { signal }), { signal, told });
      if (good(state)) offset = Number(state.getResponseHeader("Upload-Offset"));
      // Swept, or of a server that lost it: from the start, once.
      else if (state.status === 404 && tried < TRIES) { tried = TRIES; await anew(); }
      else throw refusal(state);
    }
    progress(offset);
    if (offset === file.size) return item.place;
    told("sending");
    const heads = { ...TUS, "Upload-Offset": `${offset}`, "Content-Type": "application/offset+octet-stream" };
    try {
      const from = offset, sent = (n) => progress(Math.min(from + n, file.size));
      const call = await request("PATCH", item.place, heads, file.slice(offset), { sent, signal });
      if (good(call)) {
        offset = Number(call.getResponseHeader("Upload-Offset"));
        tried = 0;
        continue;
      }
      if (![404, 409, 423, 429, 502, 503, 504].includes(call.status) || tried >= TRIES) throw refusal(call);
    } catch (e) {
      if (!(e instanceof Cut) || signal?.aborted || tried >= TRIES) throw e;
    }
    offset = null;
    tried += 1;
    told("resuming");
    await wait(Math.min(500 * 2 ** tried, 10_000));
    if (signal?.aborted) throw new Cut();
  }
}

// What says which file is meant: its SHA-256 (hex), where it was taken.
function meaning(sha256) {
  const heads = { "Content-Type": "application/json" };
  const bytes = (sha256?.match(/../g) ?? []).map((hex) => parseInt(hex, 16));
  if (sha256) heads["Repr-Digest"] = `sha-256=:${btoa(String.fromCharCode(...bytes))}:`;
  return heads;
}

// Parts of two files: the server has forgotten them.
function mixed(item, { status }) {
  if (status !== 460) return;
  unkeep(item);
  item.place = null;
}

// Registers what was sent. A lost answer is asked for again: the server gives the same one.
export async function deposit(item, claims, attachments, sha256, options) {
  const body = JSON.stringify(attachments.length ? { ...claims, attachments } : claims);
  const call = await patiently(() => request("POST", `${item.place}/deposit`, meaning(sha256), body), options);
  mixed(item, call);
  if (!good(call)) throw refusal(call);
  unkeep(item);
  return JSON.parse(call.responseText);
}

// Registers each file of a ZIP that was sent: `head` gets the counts, `each` a line as soon as it is there.
export async function unpack(item, claims, sha256, { head, each, signal }) {
  const heads = { "X-Csrf": csrf, ...meaning(sha256) };
  const ask = () => fetch(`${item.place}/unpack`, { method: "POST", headers: heads, body: JSON.stringify(claims), signal }).catch(() => { throw new Cut(); });
  const answer = await patiently(ask, { signal });
  mixed(item, answer);
  if (!answer.ok) throw refusal({ status: answer.status, responseText: await answer.text() });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "", first = true;
  for (;;) {
    const { value, done } = await reader.read().catch(() => { throw new Cut(); });
    if (done) break;
    text += value;
    const lines = text.split("\n");
    text = lines.pop();
    for (const line of lines.map((l) => JSON.parse(l))) {
      if (first) head(line);
      else if (line.status) each(line);
      else throw new Refused(line.error);
      first = false;
    }
  }
}

// An upload that nobody wants any more.
export function forget(item) {
  unkeep(item);
  return drop(item.place);
}

const drop = (place) => request("DELETE", place, TUS, null).catch(() => null);

// Bytes a second to the server, measured with an upload that is forgotten.
export async function measure() {
  const place = await begin("probe", PROBE);
  const heads = { ...TUS, "Upload-Offset": "0", "Content-Type": "application/offset+octet-stream" };
  const begun = performance.now();
  await request("PATCH", place, heads, new Blob([new Uint8Array(PROBE)]));
  const seconds = (performance.now() - begun) / 1000;
  await drop(place);
  return PROBE / Math.max(seconds, 0.001);
}

// ---- digests alone ----

const AT_ONCE = 2;
let module = null, idle = [], waiting = [], made = 0;

export const canDigest = () => typeof WebAssembly === "object" && typeof Worker === "function";

async function worker() {
  const free = idle.pop();
  if (free) return free;
  if (made >= AT_ONCE) return new Promise((resolve) => waiting.push(resolve));
  made += 1;
  module ??= fetch(new URL("digester.wasm", import.meta.url)).then((answer) => answer.arrayBuffer());
  try {
    const bytes = await module;
    const fresh = new Worker(new URL("digester.js", import.meta.url));
    fresh.postMessage({ module: bytes });
    return fresh;
  } catch {
    module = null;
    made -= 1;
    throw new Cut();
  }
}

function give(free) {
  const next = waiting.shift();
  if (next) next(free);
  else idle.push(free);
}

// `{sha256, sm3, size, media_type}` of a file that stays here.
export async function digest(file, progress, words) {
  const own = await worker();
  try {
    return await new Promise((resolve, reject) => {
      own.onerror = () => reject(new Refused(words.stopped));
      own.onmessage = ({ data }) => {
        if ("progress" in data) progress(Math.min(data.progress, file.size));
        else if (data.done) resolve(data.done);
        else reject(new Refused(words[data.failed]));
      };
      own.postMessage({ file });
    });
  } finally {
    give(own);
  }
}

// Puts digests on record.
export async function declare(digests, name, claims, attachments, options) {
  const fields = { csrf, kept: "yes", file_name: name, ...digests, ...claims, attachments: attachments.join(" ") };
  const heads = { "Content-Type": "application/x-www-form-urlencoded" };
  const body = new URLSearchParams(Object.entries(fields)).toString();
  const call = await patiently(() => request("POST", "/register/digests", heads, body), options);
  if (!good(call)) throw refusal(call);
  return JSON.parse(call.responseText);
}

// Holds a table of rights against names: `{rows, silent, claims, attachments, wrong}`.
export async function holdTable(file, names) {
  const data = new FormData();
  data.append("csrf", csrf);
  data.append("names", names.join("\n"));
  data.append("table", file, file.name);
  const call = await patiently(() => request("POST", "/register/table", {}, data));
  if (!good(call)) throw refusal(call);
  return JSON.parse(call.responseText);
}
