// A client of other people's against the uploads of programs: tus-js-client, with an API token.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { createRequire } from "node:module";

const require = createRequire(new URL("../browser/package.json", import.meta.url));
const tus = require("tus-js-client");

// Sends `bytes` in pieces; ends after `cut` bytes where that is given. Gives the upload's address.
function send(endpoint, heads, name, bytes, { cut = Infinity, uploadUrl = null, overridePatchMethod = false } = {}) {
  return new Promise((resolve, reject) => {
    const upload = new tus.Upload(bytes, {
      endpoint, uploadUrl, headers: heads, overridePatchMethod,
      metadata: { filename: name, filetype: "application/octet-stream" },
      chunkSize: 300_000, retryDelays: [0, 500, 1000],
      onError: reject,
      onSuccess: () => resolve(upload.url),
      onChunkComplete: (_, accepted) => { if (accepted >= cut) upload.abort().then(() => resolve(upload.url), reject); },
    });
    upload.start();
  });
}

export async function conformance(home, token) {
  const endpoint = `${home}/api/v1/uploads`, heads = { Authorization: `Bearer ${token}` };
  const ask = (path, method, more = {}, body) => fetch(path, { method, headers: { ...heads, ...more }, body });
  const bytes = Buffer.alloc(2_000_000, randomBytes(65_536));

  // Cut, asked how far it is, resumed by another run.
  const cut = await send(endpoint, heads, "画册.bin", bytes, { cut: 900_000 });
  const state = await ask(cut, "HEAD", { "Tus-Resumable": "1.0.0" });
  assert.equal(state.headers.get("upload-offset"), "900000");
  assert.equal(await send(endpoint, heads, "画册.bin", bytes, { uploadUrl: cut }), cut);
  const line = await (await ask(`${cut}/deposit`, "POST", {}, "{}")).json();
  assert.equal(line.status, "new");
  assert.equal(line.file, "画册.bin");
  assert.equal(line.sha256, createHash("sha256").update(bytes).digest("hex"));

  // Where a way between knows POST alone; and terminated.
  const other = await send(endpoint, heads, "b.bin", bytes.subarray(1), { overridePatchMethod: true });
  await tus.Upload.terminate(other, { headers: heads });
  assert.equal((await ask(other, "HEAD", { "Tus-Resumable": "1.0.0" })).status, 404);

  // What the server refuses reaches the client as its sentence.
  await assert.rejects(send(endpoint, heads, "", bytes.subarray(2)), /422/);
  await assert.rejects(send(endpoint, { Authorization: "Bearer qz_0" }, "a.bin", bytes), /401/);
}
