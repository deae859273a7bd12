// The page as a person meets it: both addresses, both languages, files large, late, wrong and hostile.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import fs from "node:fs";
import { createRequire } from "node:module";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { caseOf, clear, drop, launch, line, native, open, phrase, root, serve, settled, site, underFile } from "./desk.mjs";

const axe = fs.readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const GOOD = caseOf("file/good-01-one");
const everything = (item) => [item.artefact, ...item.originals, ...item.trustFiles];

let browser, server, scratch;
before(async () => {
  browser = await launch();
  server = await serve();
  scratch = fs.mkdtempSync(path.join(os.tmpdir(), "quezao-browser-"));
});
after(async () => {
  await browser.close();
  server.close();
  fs.rmSync(scratch, { recursive: true });
});
const made = (name, bytes) => {
  fs.writeFileSync(path.join(scratch, name), bytes);
  return path.join(scratch, name);
};

test("under file: and http: it verifies, asks for nothing, and may not ask", async () => {
  for (const address of [underFile, server.address]) {
    const { page, asked, errors, close } = await open(browser, address);
    await drop(page, everything(GOOD));
    assert.equal(await phrase(page), "核验一致");
    assert.deepEqual(asked.filter((url) => !url.startsWith("blob:")), [address], "nothing but the page itself");
    assert.deepEqual(errors, []);
    const refused = await page.evaluate(() => fetch("http://127.0.0.1:9/").then(() => "sent", (e) => e.name));
    assert.equal(refused, "TypeError");
    assert.ok(errors.some((text) => text.includes("Content Security Policy")), errors.join("\n"));
    await close();
  }
});

test("the saved result is what the native verifier prints", async () => {
  const { page, close } = await open(browser, underFile);
  await drop(page, everything(GOOD));
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#save")]);
  assert.equal(fs.readFileSync(await download.path(), "utf8"), await native(GOOD.artefact, GOOD.originals, GOOD.trust));
  assert.match(download.suggestedFilename(), /^verdict-[0-9a-f-]{36}\.json$/);
  await close();
});

test("another language, without loading again", async () => {
  const { page, asked, close } = await open(browser, underFile);
  await drop(page, everything(GOOD));
  await page.click("details[data-check=file] summary");
  const before = asked.length;
  await page.click("#language");
  assert.equal(await phrase(page), "Consistent with the ledger");
  assert.equal(await page.getAttribute("html", "lang"), "en");
  assert.equal(await page.getAttribute("details[data-check=file]", "open"), "", "an open line stays open");
  assert.doesNotMatch(await page.innerText("body"), /[\u4e00-\u9fff]{3}/);
  await page.click("#language");
  assert.equal(await phrase(page), "核验一致");
  for (const language of ["zh", "en"]) {
    const text = await page.evaluate((l) => { language = l; draw(); return document.body.innerText; }, language);
    assert.doesNotMatch(text, /\bv-[a-z]|\{ \$/, "a message without a text");
  }
  assert.equal(asked.length, before);
  await close();
});

test("the picture is asked for, and may come later; so may the trust folder", async () => {
  const { page, close } = await open(browser, underFile);
  await drop(page, [GOOD.artefact]);
  assert.equal(await phrase(page), "尚不完整");
  assert.match(await page.innerText("[aria-labelledby=missing]"), /^还缺什么\s+原件[^]+您的信任文件夹/);
  await drop(page, GOOD.originals, "#original");
  assert.equal(await phrase(page), "尚不完整");
  assert.match(await page.innerText(".roots"), /没有信任文件夹/);
  await drop(page, GOOD.trust, "#trust-folder");
  assert.equal(await phrase(page), "核验一致");
  assert.match(await page.innerText(".roots"), /信任文件夹“main”/);
  // The next certificate takes the place of this one, under the same trust.
  await drop(page, [caseOf("file/bad-01-another").artefact, ...caseOf("file/bad-01-another").originals]);
  assert.equal(await phrase(page), "核验不一致");
  assert.equal(await page.locator("#list li").count(), 2);
  await clear(page);
  await page.setInputFiles("#files", GOOD.originals);
  await page.getByText("还需要证书").waitFor();
  await drop(page, [GOOD.artefact]);
  assert.equal(JSON.parse(await line(page)).checks.find((check) => check.id === "file").result, "pass");
  await close();
});

test("folders are dropped as they are: evidence, extracted entries, trust", async () => {
  const table = path.join(scratch, "table");
  fs.mkdirSync(table);
  for (const file of [GOOD.artefact, ...GOOD.originals]) fs.copyFileSync(file, path.join(table, path.basename(file)));
  fs.cpSync(GOOD.trust, path.join(table, "trust"), { recursive: true });
  fs.writeFileSync(path.join(table, "trust/notes.txt"), "nobody's business");
  const entries = path.join(scratch, "extracted");
  execFileSync("python3", ["-m", "zipfile", "-e", GOOD.artefact, entries]);
  const picked = [[[table], "核验一致"], [[entries, ...GOOD.originals, GOOD.trust], "核验一致"], [[GOOD.artefact], "尚不完整"]];
  for (const address of [underFile, server.address]) {
    const { page, close } = await open(browser, address);
    const session = await page.context().newCDPSession(page);
    for (const [files, said] of picked) {
      const data = { items: [], files, dragOperationsMask: 1 };
      for (const type of ["dragEnter", "dragOver", "drop"]) await session.send("Input.dispatchDragEvent", { type, x: 400, y: 300, data });
      await settled(page);
      assert.equal(await phrase(page), said, files.join(" "));
      if (files[0] === entries) assert.equal(await line(page), await native(entries, GOOD.originals, GOOD.trust));
      await clear(page);
    }
    await close();
  }
});

test("a wrong trust file is named, and no verdict is given", async () => {
  const { page, close } = await open(browser, underFile);
  await drop(page, [GOOD.artefact, ...GOOD.originals, made("policy", "quorum\n")]);
  assert.match(await page.innerText("#problem"), /信任文件夹不可用：policy（.+）/);
  assert.equal(await page.locator("#phrase").count(), 0);
  await page.click("#trust-clear");
  await settled(page);
  assert.equal(await phrase(page), "尚不完整");
  await close();
});

test("of several pieces of evidence one is verified, and the others can be", async () => {
  const { page, close } = await open(browser, underFile);
  const pdf = caseOf("certificate-signature/good-01-b-lta");
  await drop(page, [pdf.artefact, GOOD.artefact, ...GOOD.originals, ...GOOD.trustFiles]);
  assert.equal(await phrase(page), "核验一致");
  assert.match(await page.innerText("#list"), /package\.zip\s+要核验的/);
  await page.click("#list li:has-text('certificate.pdf') button >> nth=0");
  await settled(page);
  assert.match(await page.innerText("#list"), /certificate\.pdf\s+要核验的/);
  await close();
});

test("2 GB are digested in pieces, with progress; and a job without end is ended", async () => {
  const large = made("large.bin", "");
  fs.truncateSync(large, 2 ** 31 + 5);
  const { page, errors, close } = await open(browser, underFile, { clock: Date.now() });
  await page.setInputFiles("#files", [GOOD.artefact, large, ...GOOD.trustFiles]);
  const bar = page.locator("#list progress");
  await bar.waitFor();
  await page.waitForFunction(() => document.querySelector("#list progress").value > 0);
  // Four hours on the page's clock while the worker is busy.
  await page.clock.fastForward("04:00:00");
  await settled(page);
  assert.match(await page.innerText("#problem"), /用时过长/);
  await page.click("#clear");
  await page.setInputFiles("#files", [GOOD.artefact, large, ...GOOD.trustFiles]);
  await settled(page, 300000);
  const wanted = JSON.parse(await native(GOOD.artefact, [large], GOOD.trust));
  assert.equal(JSON.parse(await line(page)).checks.find((check) => check.id === "file").found, wanted.checks.find((check) => check.id === "file").found);
  assert.equal(await phrase(page), "核验不一致");
  assert.deepEqual(errors, []);
  await close();
});

test("a page left open for a day takes the time when it is asked", async () => {
  const { page, close } = await open(browser, underFile, { clock: new Date("2026-03-01T00:00:00Z") });
  await drop(page, everything(GOOD));
  assert.match(await page.innerText(".roots"), /2026-03-01 08:0/);
  await page.clock.fastForward("26:00:00");
  await drop(page, everything(GOOD));
  assert.match(await page.innerText(".roots"), /2026-03-02 10:0/);
  assert.equal(await phrase(page), "核验一致");
  await close();
});

test("hostile files end in an answer, and the page goes on", async () => {
  const { page, errors, close } = await open(browser, underFile);
  const nested = (open, shut, n) => Buffer.from(`%PDF-1.7\n1 0 obj\n${open.repeat(n)}${shut.repeat(n)}\nendobj\n`);
  const hostile = {
    "nested.pdf": nested("[", "]", 2e6), "dictionaries.pdf": nested("<</A ", ">>", 1e6),
    "zeros.pdf": Buffer.concat([Buffer.from("%PDF-1.7\n"), Buffer.alloc(90 << 20)]),
    "noise.zip": Buffer.concat([Buffer.from("PK\x03\x04"), Buffer.alloc(40 << 20, "PK\x01\x02PK\x05\x06")]),
    "half.zip": fs.readFileSync(GOOD.artefact).subarray(0, 9000), "empty.zip": Buffer.alloc(0),
    "<img src=x onerror=alert(1)>.pdf": Buffer.from("%PDF-1.7\n<script>"),
  };
  for (const [name, bytes] of Object.entries(hostile)) {
    await drop(page, [made(name, bytes)]);
    const said = await line(page);
    const answered = said.startsWith("{") ? JSON.parse(said).result : said.trim();
    assert.match(answered, /^(not_verified|v-job-stopped|v-job-slow)$/, name);
    await clear(page);
  }
  await drop(page, [made("photo\u202egpj.zip", "PK\x03\x04")]);
  assert.match(await page.innerText("#list"), /photo\ufffdgpj\.zip/, "a name that turns itself around");
  await clear(page);
  const tooLarge = made("huge.zip", "PK\x03\x04");
  fs.truncateSync(tooLarge, 300 << 20);
  await drop(page, [tooLarge]);
  assert.match(await page.innerText("#problem"), /huge\.zip：超过 256 MiB/);
  await clear(page);
  await drop(page, everything(GOOD));
  assert.equal(await phrase(page), "核验一致");
  assert.deepEqual(errors, []);
  await close();
});

const STATES = {
  verified: everything(GOOD), incomplete: [GOOD.artefact], "not-verified": everything(caseOf("file/bad-01-another")),
  reserved: everything(caseOf("log-role/good-04-none")),
};

test("axe finds nothing, and nothing is wider than the page", async () => {
  for (const colorScheme of ["light", "dark"]) {
    const { page, close } = await open(browser, underFile, { colorScheme });
    for (const [state, files] of Object.entries({ empty: [], ...STATES })) {
      if (files.length) await drop(page, files);
      for (const lang of ["zh", "en"]) {
        await page.evaluate((l) => {
          language = l;
          draw();
          document.querySelectorAll("details").forEach((details) => { details.open = true; });
        }, lang);
        for (const width of [1280, 360]) {
          await page.setViewportSize({ width, height: 800 });
          const where = `${state}, ${lang}, ${colorScheme}, ${width} px`;
          // As a DevTools script: the page's own policy lets no other one in.
          const found = await page.evaluate(`${axe}; axe.run({ resultTypes: ["violations"] })`);
          assert.deepEqual(found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`), [], where);
          assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `too wide: ${where}`);
        }
      }
      await clear(page);
    }
    await close();
  }
});

test("keyboard alone is enough", async () => {
  const { page, close } = await open(browser, underFile);
  const focused = () => page.evaluate(() => document.activeElement.id);
  for (let i = 0; i < 5 && (await focused()) !== "files"; i++) await page.keyboard.press("Tab");
  assert.equal(await focused(), "files");
  await drop(page, everything(GOOD));
  assert.equal(await focused(), "phrase", "a screen reader begins with the phrase");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.equal(await page.locator("details[open]").count(), 1);
  assert.match(await page.textContent("#said"), /核验一致/);
  await close();
});

test("it prints on one page, both languages, in every state", async () => {
  const { page, close } = await open(browser, underFile);
  for (const [state, files] of Object.entries(STATES)) {
    await drop(page, files);
    for (const lang of ["zh", "en"]) {
      await page.evaluate((l) => { language = l; draw(); }, lang);
      const pdf = (await page.pdf({ preferCSSPageSize: true })).toString("latin1");
      assert.equal(pdf.match(/\/Type\s*\/Page\b/g).length, 1, `${state}, ${lang}`);
    }
    await clear(page);
  }
  await close();
});

test("the module tells nothing of the machine that built it", async () => {
  const { page, close } = await open(browser, underFile);
  const text = await page.evaluate(() => new TextDecoder("latin1").decode(
    unpack(Uint8Array.from(atob($("module").textContent), (c) => c.charCodeAt(0)))));
  assert.ok(text.startsWith("\0asm") && text.length > 1e6);
  for (const folder of [root, os.homedir()]) assert.ok(!text.includes(`${folder}/`), folder);
  await close();
});

test("the folder names its own digests", () => {
  const sums = fs.readFileSync(path.join(site, "SHA256SUMS"), "utf8").trim().split("\n").map((text) => text.split("  "));
  const digest = (name) => createHash("sha256").update(fs.readFileSync(path.join(site, name))).digest("hex");
  assert.deepEqual(sums.map(([, name]) => name), ["LICENSE.txt", "README.txt", "THIRD-PARTY.txt", "index.html"]);
  for (const [sum, name] of sums) assert.equal(sum, digest(name), name);
});
