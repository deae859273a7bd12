// Digests of a file that stays here: this worker reads it in pieces, and hands SHA-256, SM3, size and media type to the
// page. Its own Content-Security-Policy lets it run the module and make no request at all.
"use strict";

const PIECE = 4 << 20, HEAD = 1024;
let wasm;

const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");

function digest(file) {
  wasm.begin();
  const tray = wasm.tray(PIECE) >>> 0;
  let head = new Uint8Array();
  for (let at = 0; at < file.size; at += PIECE) {
    const piece = new Uint8Array(new FileReaderSync().readAsArrayBuffer(file.slice(at, at + PIECE)));
    if (at === 0) head = piece.slice(0, HEAD);
    new Uint8Array(wasm.memory.buffer, tray, piece.length).set(piece);
    wasm.update(piece.length);
    postMessage({ progress: at + piece.length });
  }
  const both = new Uint8Array(wasm.memory.buffer, wasm.finish() >>> 0, 64);
  return { sha256: hex(both.slice(0, 32)), sm3: hex(both.slice(32)), size: file.size, media_type: mediaType(head) };
}

// As the program sees it (`picture::media_type`), for what a browser's visitor is likely to have.
function mediaType(head) {
  const text = String.fromCharCode(...head);
  const at = (place, magic) => text.startsWith(magic, place);
  const known = [
    [at(0, "\xff\xd8\xff"), "image/jpeg"],
    [at(0, "\x89PNG\r\n\x1a\n"), "image/png"],
    [at(0, "GIF87a") || at(0, "GIF89a"), "image/gif"],
    [at(0, "RIFF") && at(8, "WEBP"), "image/webp"],
    [at(0, "MM\0*") || at(0, "II*\0"), "image/tiff"],
    [at(0, "BM"), "image/bmp"],
    [at(0, "%PDF-"), "application/pdf"],
    [at(0, "PK\x03\x04"), "application/zip"],
    [at(0, "8BPS"), "image/vnd.adobe.photoshop"],
    [at(4, "ftypavif"), "image/avif"],
    [at(4, "ftyphei") || at(4, "ftypmif1"), "image/heic"],
    [at(4, "ftypcrx "), "image/x-canon-cr3"],
    [at(4, "ftypqt  ") || at(4, "moov"), "video/quicktime"],
    [at(4, "ftyp"), "video/mp4"],
    [/^(\xef\xbb\xbf)?\s*<(\?xml|!--|!DOCTYPE svg|svg)/.test(text) && /<svg[\s>]/.test(text), "image/svg+xml"],
  ];
  return (known.find(([is]) => is) ?? [true, "application/octet-stream"])[1];
}

onmessage = ({ data }) => {
  try {
    if (data.module) {
      wasm = new WebAssembly.Instance(new WebAssembly.Module(data.module)).exports;
    } else {
      postMessage({ done: digest(data.file) });
    }
  } catch (e) {
    postMessage({ failed: e instanceof WebAssembly.RuntimeError || !wasm ? "stopped" : "unreadable" });
  }
};
