// Registering as people do it: two hundred photographs by one drop, a folder with a table of rights, digests alone, a ZIP
// with GBK names, and an upload that is cut and goes on. Part of tests/portal/walk.mjs.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rows } from "./house.mjs";

const PATIENCE = { timeout: 120_000 };

export async function registering({ page, context, home, work, shoot, inWords }) {
  await many(page, home, work, shoot, inWords);
  await folder(page, home, work, shoot, inWords);
  await digests(page, home, shoot, inWords);
  await zip(page, home, work, shoot);
  await cut(context, home);
  await reopened(context, home, inWords);
}

// Two hundred pictures that the browser makes and drops, and a file that is empty.
async function many(page, home, work, shoot, inWords) {
  await page.goto(`${home}/register`);
  await page.evaluate(async () => {
    const canvas = document.createElement("canvas"), c = canvas.getContext("2d");
    [canvas.width, canvas.height] = [96, 72];
    const dropped = new DataTransfer();
    for (let n = 0; n < 200; n += 1) {
      c.fillStyle = `hsl(${n * 9}, 40%, ${30 + n % 40}%)`;
      c.fillRect(0, 0, 96, 72);
      c.fillStyle = "#f4efe4";
      c.fillRect(n % 60, n % 37, 30, 24);
      const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.8));
      dropped.items.add(new File([blob], `SM-${1000 + n}.jpg`, { type: "image/jpeg" }));
    }
    dropped.items.add(new File([], "=空.jpg", { type: "image/jpeg" }));
    document.getElementById("drop").dispatchEvent(new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true }));
  });
  await page.waitForFunction(() => document.querySelectorAll("#batch > li").length === 201);
  await page.fill("[name=author]", "林晚");
  await page.click("#go");
  // A large batch is asked about first.
  await page.waitForFunction(() => /200/.test(document.getElementById("ask-words").textContent));
  assert.match(await page.locator("#ask-words").innerText(), inWords(/200 个文件，.*大约要 \d+ 分钟/, /200 files, .*about \d+ min/));
  assert.equal(await page.locator("#batch .state.ok").count(), 0);
  await shoot(page, "register-ask");
  // By keyboard: two hundred pictures that are still being drawn move what a mouse would hit.
  await page.locator("#ask-yes").press("Enter");
  await rows(page, 200);
  assert.equal(await page.locator("#batch .state.bad").count(), 1);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#failed-list")]);
  const list = join(work, "failed.csv");
  await download.saveAs(list);
  assert.match(readFileSync(list, "utf8"), inWords(/^\ufeff文件,字节,原因\r\n"'=空\.jpg","0","空文件不能存证/, /^\ufefffile,bytes,reason\r\n"'=空\.jpg","0","An empty file/));
  await shoot(page, "register-many");
}

// A folder: claims for all, others for one folder, a table over both; a wrong table registers nothing.
async function folder(page, home, work, shoot, inWords) {
  const shop = join(work, "店铺");
  for (const part of ["杯子", "碗", "底稿"]) mkdirSync(join(shop, part), { recursive: true });
  for (const name of ["杯子/1.txt", "杯子/2.txt", "碗/3.txt", "底稿/1.psd", "合同.txt"]) writeFileSync(join(shop, name), name);
  await page.goto(`${home}/register`);
  await page.setInputFiles("#choose-folder", shop);
  await page.waitForFunction(() => document.querySelectorAll("#batch > li").length === 5);
  await page.fill("[name=author]", "林晚");
  await page.fill("[name=published_url]", "https://shop.example/1");
  assert.match(await page.locator("#capture-it").getAttribute("href"), /url=https%3A%2F%2Fshop\.example%2F1/);
  await page.selectOption("#scope", "店铺/碗");
  assert.equal(await page.inputValue("[name=author]"), "");
  await page.fill("[name=author]", "陈岚");
  const table = (text) => page.setInputFiles("#table", { name: "权利.csv", mimeType: "text/csv", buffer: Buffer.from(text) });
  await table("文件,标题,完成日期\n杯子/1.txt,青瓷杯,2026-13-01\n杯子/9.txt,,\n");
  await page.waitForSelector("#table-wrong li");
  assert.match(await page.locator("#table-wrong").innerText(), inWords(/第 2 行 C 列“完成日期”/, /row 2, column C '完成日期'/));
  await page.click("#go");
  await page.waitForTimeout(300);
  assert.equal(await page.locator("#batch .state.ok").count(), 0);
  await shoot(page, "register-table");
  await table("文件,标题,附件\n杯子/1.txt,青瓷杯,底稿/1.psd|合同.txt\n");
  await page.waitForFunction(() => /1 行，用于 1 个文件|1 rows about 1 files/.test(document.getElementById("table-said").textContent));
  await page.click("#go");
  await rows(page, 5);
  const at = (name) => page.locator("#batch > li", { hasText: name }).locator("a").getAttribute("href");
  const said = async (name) => (await page.request.get(home + await at(name))).text();
  // The picture's record names those of its attachments, which stand before it.
  const packed = await page.request.get(`${home + await at("杯子/1.txt")}/parts/disclosure.json`);
  const disclosed = (await packed.json()).map((coded) => Buffer.from(coded, "base64url").toString()).join("\n");
  for (const name of ["底稿/1.psd", "合同.txt"]) assert.ok(disclosed.includes((await at(name)).split("/").pop()), name);
  const [one, two, three] = [await said("杯子/1.txt"), await said("杯子/2.txt"), await said("碗/3.txt")];
  assert.ok(one.includes("青瓷杯") && one.includes("林晚"));
  assert.ok(!two.includes("青瓷杯"));
  assert.ok(three.includes("陈岚"));
}

// Digests alone: the file's bytes are in no request.
async function digests(page, home, shoot, inWords) {
  const secret = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), Buffer.from("never leaves this machine ".repeat(400_000))]);
  const sent = [];
  const listen = (request) => { if (request.method() !== "GET") sent.push(`${request.method()} ${new URL(request.url()).pathname} ${request.postData() ?? ""}`); };
  await page.goto(`${home}/preferences?lang=en&back=/register`);
  await page.check("[name=keep][value=digest]");
  await page.setInputFiles("#choose", { name: "master.jpg", mimeType: "image/jpeg", buffer: secret });
  page.on("request", listen);
  await page.click("#go");
  assert.match(await page.locator("#e-kept").innerText(), /keep the original/);
  await page.check("#kept");
  await shoot(page, "register-digest");
  await page.click("#go");
  await rows(page, 1);
  page.off("request", listen);
  assert.equal(sent.length, 1);
  const fields = new URLSearchParams(sent[0].replace("POST /register/digests ", ""));
  assert.equal(fields.get("sha256"), createHash("sha256").update(secret).digest("hex"));
  assert.equal(fields.get("sm3"), execFileSync("openssl", ["dgst", "-sm3", "-r"], { input: secret }).toString().slice(0, 64));
  assert.deepEqual([fields.get("size"), fields.get("media_type"), fields.get("kept")], [`${secret.length}`, "image/jpeg", "yes"]);
  await page.goto(`${home}/preferences?lang=${inWords("zh", "en")}&back=/register`);
}

// As Chinese Windows packs it.
async function zip(page, home, work, shoot) {
  const packed = join(work, "商品图.zip");
  execFileSync("python3", ["-c", `
import sys, zipfile
class Gbk(zipfile.ZipInfo):
    def _encodeFilenameFlags(self):
        return self.filename.encode("gbk"), self.flag_bits
with zipfile.ZipFile(sys.argv[1], "w") as z:
    for name in ("杯子/青瓷一.txt", "杯子/青瓷二.txt"):
        z.writestr(Gbk(name), name)
    z.writestr("leer.txt", "")`, packed]);
  await page.goto(`${home}/register`);
  await page.setInputFiles("#choose", packed);
  assert.ok(await page.locator("#zips").isVisible());
  await page.check("[name=zip][value=both]");
  await page.click("#go");
  // The ZIP and two files in it; the third is empty.
  await rows(page, 3);
  assert.match(await page.locator("#batch").innerText(), /商品图\.zip\/杯子\/青瓷一\.txt/);
  assert.equal(await page.locator("#batch .state.bad").count(), 1);
  await shoot(page, "register-zip");
}

// The way to the server breaks in the middle, twice; the page goes on where it was.
async function cut(context, home) {
  const { port } = new URL(home);
  let left = 2, pieces = 0;
  const proxy = createServer((near) => {
    const far = connect(Number(port), "127.0.0.1");
    let passed = 0;
    near.on("data", (bytes) => {
      if (bytes.includes("PATCH /uploads/")) pieces += 1;
      passed += bytes.length;
      far.write(bytes);
      if (passed > 3_000_000 && left > 0) { left -= 1; near.destroy(); far.end(); }
    });
    far.on("data", (bytes) => near.write(bytes));
    for (const [one, other] of [[near, far], [far, near]]) { one.on("error", () => {}); one.on("close", () => other.destroy()); }
  });
  await new Promise((done) => proxy.listen(0, "127.0.0.1", done));
  const page = await context.newPage();
  await page.goto(`http://127.0.0.1:${proxy.address().port}/register`);
  const buffer = Buffer.alloc(12_000_000, Buffer.from(`${Date.now()} cut and resumed `));
  await page.setInputFiles("#choose", { name: "长卷.psb", mimeType: "", buffer });
  await page.click("#go");
  await rows(page, 1);
  assert.equal(left, 0);
  assert.ok(pieces >= 3);
  const shown = await (await page.request.get(home + await page.locator("#batch a").getAttribute("href"))).text();
  const sha256 = createHash("sha256").update(buffer).digest("hex");
  assert.ok(shown.replace(/<[^>]*>/g, "").includes(sha256), "every byte once, in its order");
  await page.close();
  proxy.close();
}

// The page is closed in the middle; opened again, with the same file chosen again, it goes on where it was. A file that
// was changed under its old date and name is found out, and sent anew.
async function reopened(context, home, inWords) {
  const { port } = new URL(home);
  let open = false, offsets = [];
  const proxy = createServer((near) => {
    const far = connect(Number(port), "127.0.0.1");
    let passed = 0;
    near.on("data", (bytes) => {
      offsets.push(...[...bytes.toString("latin1").matchAll(/^upload-offset: (\d+)/gim)].map(([, n]) => Number(n)));
      passed += bytes.length;
      if (open || passed < 5_000_000) far.write(bytes);
    });
    far.on("data", (bytes) => near.write(bytes));
    for (const [one, other] of [[near, far], [far, near]]) { one.on("error", () => {}); one.on("close", () => other.destroy()); }
  });
  await new Promise((done) => proxy.listen(0, "127.0.0.1", done));
  const place = `http://127.0.0.1:${proxy.address().port}`;
  // A file's date is part of what it is known by, so it comes from the disk.
  const bytes = (seed) => Buffer.alloc(8_000_000, Buffer.from(seed));
  const path = join(mkdtempSync(join(tmpdir(), "quezao-again-")), "手卷.psb");
  const dated = (content) => { writeFileSync(path, content); utimesSync(path, 1_790_000_000, 1_790_000_000); };
  const begun = async () => {
    open = false;
    const page = await context.newPage();
    await page.goto(`${place}/register`);
    await page.setInputFiles("#choose", path);
    await page.click("#go");
    // More of it is out than is let through.
    await page.waitForFunction(() => document.querySelector("#batch progress")?.value > 5_000_000, null, PATIENCE);
    await page.close();
    [open, offsets] = [true, []];
  };
  const again = async () => {
    const page = await context.newPage();
    await page.goto(`${place}/register`);
    await page.setInputFiles("#choose", path);
    assert.match(await page.locator("#batch").innerText(), inWords(/接着传/, /goes on there/));
    await page.click("#go");
    return page;
  };
  const registered = async (page, content) => {
    await rows(page, 1);
    const shown = await (await page.request.get(home + await page.locator("#batch a").getAttribute("href"))).text();
    assert.ok(shown.replace(/<[^>]*>/g, "").includes(createHash("sha256").update(content).digest("hex")));
    assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((name) => name.startsWith("quezao-upload")).length), 0);
    await page.close();
  };

  const first = bytes(`${Date.now()} closed and opened again `);
  dated(first);
  await begun();
  await registered(await again(), first);
  assert.ok(offsets.length && offsets.every((n) => n > 0), `went on at ${offsets}`);

  const changed = bytes(`${Date.now()} another under the same date`);
  dated(bytes(`${Date.now()} one under the same date    `));
  await begun();
  dated(changed);
  const page = await again();
  await rows(page, 1, "bad");
  assert.match(await page.locator("#batch .err").innerText(), inWords(/不是同一份/, /not this file/));
  await page.click("#batch li .btn");
  await registered(page, changed);
  proxy.close();
}
