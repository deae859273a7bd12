// Runs the module: one job at a time, in a worker that the page ends when a job takes too long.
// Files are read here, in pieces where they may be large; nothing is sent anywhere but to the page.
"use strict";

const PIECE = 4 << 20;
let wasm, originals = [];

const bytesAt = (address, length) => new Uint8Array(wasm.memory.buffer, address, length);
const result = () => bytesAt(wasm.result() >>> 0, wasm.result_length() >>> 0).slice();
const decode = (bytes) => new TextDecoder().decode(bytes);
const read = (file) => new Uint8Array(new FileReaderSync().readAsArrayBuffer(file));
const progress = (done) => postMessage({ progress: done });

// What the module asks for while it reads a file that is not handed in whole.
function read_at(place, at, address, length) {
  try {
    const piece = read(originals[place].slice(at, at + length));
    bytesAt(address >>> 0, piece.length).set(piece);
    progress(at + piece.length);
    return piece.length;
  } catch {
    return -1;
  }
}

function hash({ file }) {
  wasm.hash_begin();
  let head = "";
  for (let at = 0; at < file.size; at += PIECE) {
    const piece = read(file.slice(at, at + PIECE));
    if (at === 0) head = [...piece.subarray(0, 4)].map((b) => b.toString(16).padStart(2, "0")).join("");
    const tray = wasm.tray(PIECE) >>> 0;
    bytesAt(tray, piece.length).set(piece);
    wasm.hash_update(piece.length);
    progress(at + piece.length);
  }
  wasm.hash_finish();
  return { head, ...JSON.parse(decode(result())) };
}

// The request's form: crates/verifier/src/request.rs.
function verify({ now, artefact, folder, trust, given }) {
  const files = [...artefact, ...trust].map((item) => read(item.file));
  const named = (items, from) => items.map((item, i) => [item.name, files[from + i].length]);
  const header = new TextEncoder().encode(JSON.stringify({
    now, folder, artefact: named(artefact, 0), trust: named(trust, artefact.length),
    originals: given.map(({ name, head, sha256, sm3, size }) => ({ name, head, sha256, sm3, size })),
  }));
  originals = given.map((item) => item.file);
  const length = files.reduce((sum, bytes) => sum + bytes.length, 4 + header.length);
  let at = wasm.tray(length) >>> 0;
  new DataView(wasm.memory.buffer).setUint32(at, header.length, true);
  at += 4;
  for (const bytes of [header, ...files]) {
    bytesAt(at, bytes.length).set(bytes);
    at += bytes.length;
  }
  wasm.verify();
  const out = result();
  const verdict = 4 + new DataView(out.buffer).getUint32(0, true);
  return { verdict: decode(out.subarray(4, verdict)), shown: JSON.parse(decode(out.subarray(verdict))) };
}

function certificate({ file }) {
  const bytes = read(file);
  bytesAt(wasm.tray(bytes.length) >>> 0, bytes.length).set(bytes);
  return wasm.certificate() === 1;
}

const jobs = { hash, verify, certificate };

onmessage = async ({ data }) => {
  try {
    if (data.module) {
      wasm = (await WebAssembly.instantiate(data.module, { page: { read_at } })).exports;
      return;
    }
    const done = jobs[data.job](data);
    wasm.release();
    // Memory of the module never shrinks: after much of it the page takes a fresh worker.
    postMessage({ done, spent: wasm.memory.buffer.byteLength > 64 << 20 });
  } catch (e) {
    postMessage({ failed: e instanceof WebAssembly.RuntimeError || e instanceof RangeError ? "stopped" : "unreadable" });
  }
};
