// What is done with evidence once it is there: found by a picture, taken away many at once, shared and ended, verified in
// the reader's own browser, captured, compared, discarded. Part of tests/portal/walk.mjs; both languages.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

const PATIENCE = { timeout: 120_000 };
const PASSWORD = "correct horse battery";
// The owner's language, as the walk has it.
let says;

// A shop's page on loopback; `picture` is the one that it shows, set when there is one.
export const shop = { port: 0, picture: null };
const server = createServer((request, response) => {
  if (request.url === "/picture") return response.writeHead(200, { "content-type": "image/png" }).end(shop.picture);
  const script = "<script>document.title += ' · 运行过'; document.cookie = 'seen=1'</script>";
  const html = `<!doctype html><meta charset=utf-8><title>手工漆碗</title><h1>手工漆碗 中式果盘</h1><p>价格 ¥68.00，月销 1,024 件。</p><img src=/picture width=400>${script}`;
  response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
shop.port = server.address().port;
server.unref();

// `picture`: bytes of the registered picture 作品_3.png; `certificate`: where its certificate lies.
export async function library({ browser, context, page, home, work, shoot, inWords, picture, certificate }) {
  says = inWords;
  shop.picture = picture;
  await found(page, home, shoot, context, picture);
  await taken(page, home, work, shoot);
  await shared(browser, page, home, work, shoot);
  await lookedUp(browser, home, picture, shoot);
  await inTheBrowser(browser, home, picture, certificate, shoot);
  await captured(page, home, shoot);
}

async function found(page, home, shoot, context, picture) {
  await page.goto(`${home}/library`);
  await page.click("#by-picture summary");
  await page.setInputFiles("#picture", { name: "缩小的.jpg", mimeType: "image/jpeg", buffer: await shrunk(context, picture) });
  await Promise.all([page.waitForURL(/library\/find/), page.click("form[data-drop] button")]);
  assert.match(await page.locator(".rows.pic li").first().innerText(), /作品_3/);
  await shoot(page, "library-found");
}

async function taken(page, home, work, shoot) {
  await page.goto(`${home}/library?kind=image`);
  const ticks = page.locator(".tick input");
  await ticks.nth(0).check();
  await ticks.nth(1).check();
  assert.match(await page.locator("#count").innerText(), says(/已选 2 件/, /2 chosen/));
  await shoot(page, "library-chosen");
  const [zip] = await Promise.all([page.waitForEvent("download", PATIENCE), page.click("button[value=certificates]")]);
  await zip.saveAs(join(work, "certificates.zip"));
  const listed = execFileSync("python3", ["-c", "import sys,zipfile;z=zipfile.ZipFile(sys.argv[1]);assert z.testzip() is None;print(len(z.namelist()))", join(work, "certificates.zip")]);
  assert.equal(listed.toString().trim(), "2");
  const [csv] = await Promise.all([page.waitForEvent("download"), page.click(".filters .end")]);
  const text = readFileSync(await csv.path(), "utf8");
  assert.ok(text.startsWith("\ufeff") && text.includes("作品_3"), text.slice(0, 200));
  await page.fill("[name=title]", "秋季");
  await Promise.all([page.waitForURL(/deposits/, PATIENCE), page.click("button[value=collection]")]);
  assert.match(await page.locator(".phrase").innerText(), says(/核验一致/, /Consistent/));
  await shoot(page, "collection");
}

async function shared(browser, page, home, work, shoot) {
  await page.goto(`${home}/library?q=${encodeURIComponent("作品_3")}`);
  await page.click(".shelf .t");
  await page.waitForURL(/deposits/);
  await page.check("[name=package]");
  await page.click("#share form .btn:not(.slim)");
  const link = await page.locator("#share .note a").getAttribute("href");
  await shoot(page, "share");
  const stranger = await browser.newContext({ locale: says("zh-CN", "en-GB"), viewport: { width: 1280, height: 900 } });
  const reader = await stranger.newPage();
  const opened = await reader.goto(home + link);
  assert.equal(opened.status(), 200);
  assert.match(opened.headers()["x-robots-tag"], /noindex/);
  assert.match(await reader.locator(".phrase").innerText(), says(/核验一致/, /Consistent/));
  assert.ok(!(await reader.locator("main").innerText()).includes("作品_3"), "the title was not shared");
  await shoot(reader, "shared");
  const [zip] = await Promise.all([reader.waitForEvent("download", PATIENCE), reader.click("a[href*='package.zip'].btn")]);
  await zip.saveAs(join(work, "shared.zip"));
  await page.locator("#share .rows form button").first().click();
  await page.waitForURL(/#share/);
  const gone = await reader.goto(home + link);
  assert.equal(gone.status(), 410);
  assert.match(await reader.locator("h1").innerText(), says(/已经结束/, /ended/));
  await shoot(reader, "shared-ended");
  await stranger.close();
}

async function lookedUp(browser, home, picture, shoot) {
  for (const [locale, same] of [["zh-CN", /与放入的文件一致/], ["en-GB", /is the given file/]]) {
    const stranger = await browser.newContext({ locale, viewport: { width: 1280, height: 900 } });
    const reader = await stranger.newPage();
    await reader.goto(`${home}/verify/record`);
    await reader.setInputFiles("[name=original]", { name: "original.png", mimeType: "image/png", buffer: picture });
    await reader.click("form[action='/verify/record'] button");
    assert.match(await reader.locator("[role=status]").innerText(), same);
    await shoot(reader, `looked-up-${locale.slice(0, 2)}`);
    await stranger.close();
  }
}

// Good and bad, in both languages, by the operator's roots and without any.
async function inTheBrowser(browser, home, picture, certificate, shoot) {
  const bad = Buffer.from(picture);
  bad[bad.length - 20] ^= 1;
  for (const [locale, words] of [["zh-CN", ["尚不完整", "核验一致", "核验不一致", /运营者 林晚/]], ["en-GB", ["Incomplete", "Consistent", "Not consistent", /operator, 林晚/]]]) {
    const stranger = await browser.newContext({ locale, viewport: { width: 1280, height: 900 } });
    const reader = await stranger.newPage();
    await reader.goto(`${home}/verify`);
    await shoot(reader, `verify-${locale.slice(0, 2)}`);
    if (!(await reader.locator("a[href^='/verify/browser']").count())) {
      console.log("the browser's verifier was not built: passed over");
      return stranger.close();
    }
    await reader.click("a.main[href^='/verify/browser']");
    const sent = [];
    reader.on("request", (r) => { if (!r.url().startsWith("blob:")) sent.push(r.url()); });
    const give = async (bytes) => {
      await reader.setInputFiles("#files", [
        { name: "c.pdf", mimeType: "application/pdf", buffer: readFileSync(certificate) },
        { name: "original.png", mimeType: "image/png", buffer: bytes },
      ]);
    };
    const said = (phrase) => reader.waitForFunction((p) => document.querySelector("#phrase")?.textContent.startsWith(p), phrase, PATIENCE);
    await give(picture);
    await said(words[0]);
    await reader.click("#offer-use");
    await said(words[1]);
    assert.match(await reader.locator("#verdict").innerText(), words[3]);
    await shoot(reader, `verify-browser-${locale.slice(0, 2)}`);
    await reader.reload();
    await reader.click("#offer-use");
    await give(bad);
    await said(words[2]);
    assert.deepEqual(sent.filter((url) => !url.includes("/verify/browser")), [], "nothing was sent");
    await stranger.close();
  }
}

// A page is captured, looked at, compared with what is registered, and discarded; the next order says so.
async function captured(page, home, shoot) {
  const order = async () => {
    await page.goto(`${home}/captures`);
    await page.fill("[name=urls]", `http://127.0.0.1:${shop.port}/item`);
    await Promise.all([page.waitForURL(/captures\/\d+/), page.click("form[action='/captures'] button")]);
    await page.waitForFunction(() => !document.querySelector("[data-live]"), null, PATIENCE);
    return page.locator("a[href*='/deposits/']").count();
  };
  if (!(await order())) {
    const why = await page.locator("main").innerText();
    assert.match(why, /隔离|isolate|Chromium/, why);
    return console.log("this machine isolates no browser: captures passed over");
  }
  await page.click("a.main[href*='/capture']");
  await page.waitForURL(/deposits\/.*\/capture/);
  const address = page.url();
  await page.waitForFunction(() => [...document.querySelectorAll(".shot img")].every((i) => i.complete && i.naturalWidth), null, PATIENCE);
  assert.ok(await page.locator(".shot img").count());
  await shoot(page, "capture-screenshot");
  for (const [tab, wanted] of [["text", /手工漆碗/], ["files", /\/picture/], ["clean", says(/系统/, /System/)], ["addresses", /127\.0\.0\.1/]]) {
    await page.click(`.tabs a[href='#${tab}']`);
    assert.match(await page.locator(`#${tab}`).innerText(), wanted, tab);
    await shoot(page, `capture-${tab}`);
  }
  // Its structure stands in a frame: words, and nothing that runs or is asked for.
  await page.click(".tabs a[href='#text']");
  const frame = page.frameLocator("iframe.snapshot");
  assert.match(await frame.locator("body").innerText(), /手工漆碗/);
  assert.equal(await frame.locator("script, img, link, form, [href], [src], [onclick]").count(), 0);
  const inert = await page.request.get(await page.locator("iframe.snapshot").getAttribute("src").then((at) => new URL(at, address).href));
  assert.match(inert.headers()["content-security-policy"], /^sandbox; default-src 'none'; style-src 'sha256-/);
  // What was captured is a download, wherever it is opened.
  const file = await page.locator("#files tbody a").evaluateAll((all) => all.find((a) => /\/item$/.test(a.textContent)).href);
  const answer = await page.request.get(file);
  assert.match(answer.headers()["content-disposition"], /^attachment/);
  assert.match(answer.headers()["content-security-policy"], /^sandbox/);
  await page.goto(address);
  await page.click("form[action$='/compare'] button");
  await page.waitForFunction(() => /\/deposits\/[^/]+$/.test(location.pathname) || document.querySelector("#compare .rows"), null, PATIENCE);
  if (page.url().includes("/capture")) await page.click("#compare .rows a.t");
  assert.match(await page.locator("main").innerText(), says(/逐字节相同/, /the same bytes/));
  await shoot(page, "comparison");
  await page.goto(`${address}#keep`);
  await page.click("#keep summary");
  await page.fill("#keep [name=password]", PASSWORD);
  await page.click("#keep form button");
  assert.match(await page.locator("main").innerText(), says(/内容已放弃/, /were discarded/));
  await shoot(page, "capture-discarded");
  await order();
  await page.click("a.main[href*='/capture']");
  assert.match(await page.locator(".outcome").innerText(), says(/第 2 次取证，此前放弃过 1 次/, /Capture 2 of this address; 1 discarded/));
}

// The same picture, smaller and compressed, by the browser.
async function shrunk(context, picture) {
  const page = await context.newPage();
  await page.setContent("<canvas width=320 height=240></canvas>");
  const data = await page.evaluate(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.querySelector("canvas");
    canvas.getContext("2d").drawImage(image, 0, 0, 320, 240);
    return canvas.toDataURL("image/jpeg", 0.6).split(",")[1];
  }, `data:image/png;base64,${picture.toString("base64")}`);
  await page.close();
  return Buffer.from(data, "base64");
}
