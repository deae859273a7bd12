// node tests/browser/speed.mjs: the figures of docs/benchmarks.md about the browser's verifier, as Markdown rows.
// Times are taken in the page, from the input's event to the frame after the phrase stands there.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import zlib from "node:zlib";
import { caseOf, clear, launch, open, settled, site, underFile } from "./desk.mjs";

const RUNS = 21;
const told = (times) => `${times.sort((a, b) => a - b)[times.length >> 1].toFixed(0)} ms (fastest ${times[0].toFixed(0)})`;
const html = fs.readFileSync(path.join(site, "index.html"));
console.log(`| \`index.html\` | ${html.length} bytes; gzip ${zlib.gzipSync(html, { level: 9 }).length}, brotli ${zlib.brotliCompressSync(html).length} |`);

async function timed(page, files) {
  await page.evaluate(() => {
    const { promise, resolve } = Promise.withResolvers();
    window.verdictAfter = promise;
    $("files").addEventListener("change", () => {
      const start = performance.now();
      new MutationObserver((_, observer) => {
        if (!$("phrase")) return;
        observer.disconnect();
        requestAnimationFrame(() => resolve(performance.now() - start));
      }).observe($("verdict"), { childList: true });
    }, { capture: true, once: true });
  });
  await page.setInputFiles("#files", files);
  return page.evaluate(() => window.verdictAfter);
}

const browser = await launch();
for (const name of ["file/good-01-one", "certificate-signature/good-01-b-lta", "capture-contact/good-01-answered"]) {
  const item = caseOf(name);
  const files = [item.artefact, ...item.originals, ...item.trustFiles];
  const first = [], next = [];
  for (let i = 0; i < RUNS; i++) {
    const { page, close } = await open(browser, underFile);
    // A person takes longer than the module to be ready.
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)).then(() => compiled).then(() => true));
    first.push(await timed(page, files));
    await clear(page);
    next.push(await timed(page, files));
    await close();
  }
  console.log(`| ${name} | first ${told(first)}, next ${told(next)}, medians of ${RUNS} |`);
}
const folder = fs.mkdtempSync(path.join(os.tmpdir(), "quezao-speed-"));
const large = path.join(folder, "large.bin");
fs.writeFileSync(large, "");
fs.truncateSync(large, 2 ** 31);
const { page } = await open(browser, underFile);
const start = performance.now();
await page.setInputFiles("#files", [caseOf("file/good-01-one").artefact, large]);
await settled(page, 600000);
console.log(`| 2 GiB, both digests | ${((performance.now() - start) / 1000).toFixed(1)} s |`);
await browser.close();
fs.rmSync(folder, { recursive: true });
