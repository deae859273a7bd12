// Licences in a browser: chosen in the library, previewed, recorded, sent to the licensee, confirmed without an account,
// ended; each page at 360 and 1,280 px, light and dark, Chinese and English, looked at by axe-core.
//
//     node tests/portal/confirm.mjs [FOLDER]
//
// FOLDER gets the pictures. playwright-core and axe-core come from tests/browser.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(new URL("../browser/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const quezao = process.env.QUEZAO ?? new URL("../../target/debug/quezao", import.meta.url).pathname;
const folder = process.argv[2];
if (folder) mkdirSync(folder, { recursive: true });
const work = mkdtempSync(join(tmpdir(), "quezao-licences-"));

const child = spawn(quezao, ["serve", "--data", "data", "--listen", "127.0.0.1:0"], {
  cwd: work, env: { ...process.env, QUEZAO_STATE_DIR: join(work, "state"), LC_ALL: "C.UTF-8" },
});
let said = "";
for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => { said += bytes; });
const told = async (pattern) => {
  for (let i = 0; i < 300 && !pattern.test(said); i += 1) await new Promise((done) => setTimeout(done, 100));
  return said.match(pattern)?.[0] ?? assert.fail(`the portal did not say ${pattern}: ${said}`);
};

const browser = await chromium.launch({ executablePath: "/usr/lib/chromium/chromium", args: ["--no-sandbox"] });
// Drawn by the browser itself: nobody's picture.
const drawn = async (page, hue) => Buffer.from(await page.evaluate((h) => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
  const pen = canvas.getContext("2d");
  for (let i = 0; i < 48; i += 1) {
    pen.fillStyle = `hsl(${h + i * 5} 50% ${30 + i}%)`;
    pen.beginPath();
    pen.ellipse(320, 300 - i * 2, 260 - i * 5, 130 - i * 2, 0, 0, 7);
    pen.fill();
  }
  return canvas.toDataURL("image/png").split(",")[1];
}, hue), "base64");

let home;
const look = async (page, name) => {
  const here = page.url();
  for (const [lang, theme, width] of [["zh", "light", 1280], ["en", "light", 1280], ["zh", "dark", 360], ["en", "light", 360]]) {
    await page.setViewportSize({ width, height: 900 });
    await page.goto(`${home}/preferences?lang=${lang}&back=%2Fhealthz`);
    await page.goto(`${home}/preferences?theme=${theme}&back=%2Fhealthz`);
    await page.goto(here);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${here} is ${wide} px too wide at ${width}`);
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa"] }));
    assert.deepEqual(violations.map((v) => [v.id, v.nodes[0].html]), [], `${here} ${lang} ${theme} ${width}`);
    if (folder) await page.screenshot({ path: join(folder, `${name}-${lang}-${theme}-${width}.png`), fullPage: true });
  }
  await page.goto(`${home}/preferences?lang=zh&back=%2Fhealthz`);
  await page.goto(here);
};

try {
  const setUp = await told(/http:\/\/\S+\/set-up\/\w+/);
  home = new URL(setUp).origin;
  const context = await browser.newContext({ locale: "zh-CN", viewport: { width: 1280, height: 900 }, bypassCSP: true });
  const page = await context.newPage();
  await page.goto(setUp);
  for (const [name, value] of [["operator_name", "林晚"], ["name", "林晚"], ["login", "linwan"], ["password", "correct horse battery"], ["password2", "correct horse battery"]]) {
    await page.fill(`[name=${name}]`, value);
  }
  await Promise.all([page.waitForURL(`${home}/`, { timeout: 60_000 }), page.click("main button[type=submit]")]);
  for (const [title, hue] of [["朱红漆碗，正面", 10], ["朱红漆碗，侧面", 200]]) {
    const buffer = await drawn(page, hue);
    await page.goto(`${home}/register`);
    const fields = { csrf: await page.getAttribute("main input[name=csrf]", "value"), title };
    const made = await page.request.post(`${home}/register`, {
      multipart: { ...fields, files: { name: `${hue}.png`, mimeType: "image/png", buffer } }, headers: { accept: "application/json" },
    });
    assert.ok(made.ok(), await made.text());
  }

  await page.goto(`${home}/licences`);
  await look(page, "1-none");
  await page.goto(`${home}/library`);
  for (const tick of await page.$$("input[name^=pick-]")) await tick.check();
  await page.click("button[value=license]");
  await page.waitForSelector("[name=licensee]");
  assert.equal((await page.$$("input[name^=pick-]:checked")).length, 2);
  await page.fill("[name=licensee]", "苏州漆里家居有限公司");
  await page.fill("[name=code]", "91320508MA1EXMPL3K");
  await page.fill("[name=shop]", "天猫 漆里旗舰店");
  await page.fill("[name=urls]", "https://shop.example/c/*\nbücher.example");
  await page.fill("[name=until]", "2099-12-31");
  await page.fill("[name=scope]", "商品详情页与店铺首页，不得转授权");
  await page.fill("[name=title]", "秋季主图许可");
  if (folder) await page.screenshot({ path: join(folder, "2-form-zh-light-1280.png"), fullPage: true });
  await page.setViewportSize({ width: 360, height: 900 });
  if (folder) await page.screenshot({ path: join(folder, "2-form-zh-light-360.png"), fullPage: true });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "the form is too wide");
  await page.click("button[value=preview]");
  await page.waitForSelector("button[value=record]");
  if (folder) await page.screenshot({ path: join(folder, "3-preview-zh-light-360.png"), fullPage: true });
  await page.setViewportSize({ width: 1280, height: 900 });
  if (folder) await page.screenshot({ path: join(folder, "3-preview-zh-light-1280.png"), fullPage: true });
  assert.ok((await page.textContent("main")).includes("xn--bcher-kva.example"));
  await Promise.all([page.waitForURL(/\/licences\/[0-9a-f-]{36}$/), page.click("button[value=record]")]);
  const licence = page.url();

  // The link, and the licensee in another browser, without scripts.
  await page.click(`form[action$="/links"] button`);
  const link = await page.getAttribute("a[href^='/confirm/']", "href");
  const other = await browser.newContext({ locale: "zh-CN", bypassCSP: true });
  const guest = await other.newPage();
  await guest.goto(home + link);
  await look(guest, "4-confirm");
  const plain = await browser.newContext({ locale: "zh-CN", javaScriptEnabled: false });
  const reader = await plain.newPage();
  await reader.goto(home + link);
  await reader.fill("[name=name]", "苏州漆里家居有限公司");
  await reader.check("[name=read]");
  await reader.click("main form button[type=submit]");
  assert.ok((await reader.textContent("main")).includes("已经链接确认"));
  await guest.goto(home + link);
  await look(guest, "5-confirmed");
  await page.goto(licence);
  assert.ok((await page.textContent("main")).includes("苏州漆里家居有限公司"));
  await look(page, "6-licence");
  await page.goto(`${home}/licences`);
  await look(page, "7-list");
  await page.goto(licence);
  await page.fill("[name=reason]", "合同提前解除");
  await page.check("[name=sure]");
  await page.click(`form[action$="/end"] button:text("终止许可")`);
  assert.ok((await page.textContent("main")).includes("合同提前解除"));
  await look(page, "8-ended");
  await page.click("section[aria-labelledby=pictures] a.t");
  assert.ok((await page.textContent("section[aria-labelledby=licences]")).includes("苏州漆里家居有限公司"));
  await look(page, "9-picture");
  console.log("licences: every page walked");
} finally {
  await browser.close();
  child.kill();
  await new Promise((done) => child.once("exit", done));
  rmSync(work, { recursive: true, force: true });
}
