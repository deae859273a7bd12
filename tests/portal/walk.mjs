// Walks the portal as a visitor would, in Debian's Chromium: set-up, registering, library, one deposit, verifying, a
// capture page. axe looks at every page, light and dark, and nothing is wider than a phone of 360 px. With a folder as
// argument it also leaves a picture of every page there, at a desktop's and a phone's width, light and dark; `en`
// walks in English.
//
//     node tests/portal/walk.mjs [FOLDER] [en]
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { join } from "node:path";
import { browse, eye, house, paint, rows, watched } from "./house.mjs";
import { library, shop } from "./library.mjs";
import { people } from "./people.mjs";
import { registering } from "./register.mjs";
import { secrets } from "./secrets.mjs";
import { conformance } from "./tus.mjs";

const english = process.argv.includes("en");
const pictures = process.argv.slice(2).find((word) => word !== "en");
const locale = english ? "en-GB" : "zh-CN";
// What is looked for in the page's language.
const inWords = (zh, en) => (english ? en : zh);
const complaints = [];
const shoot = eye({ pictures, english, complaints });

// Hears what ends.
const heard = [];
const receiver = createServer((request, response) => {
  heard.push(request.headers["webhook-id"]);
  response.writeHead(204).end();
});
await new Promise((done) => receiver.listen(0, "127.0.0.1", done));
const hook = `shop.example:${receiver.address().port}`;

const portal = house();
const { work } = portal;
const wait = portal.serve("--allow-loopback", hook, "--allow-loopback", `127.0.0.1:${shop.port}`);
const browser = await browse();
try {
  const setUp = await wait(/http:\/\/\S+\/set-up\/\w+/);
  const home = new URL(await wait(/http:\/\/[\d.:]+\/(?=\s)/)).origin;
  const context = await browser.newContext({ locale, viewport: { width: 1280, height: 900 } });
  const page = await watched(context, home, complaints);

  await page.goto(setUp);
  await shoot(page, "set-up");
  await page.fill("[name=operator_name]", "林晚");
  await page.check("[name=operator_kind][value=individual]");
  await page.fill("[name=name]", "林晚");
  await page.fill("[name=login]", "linwan");
  for (const field of ["password", "password2"]) await page.fill(`[name=${field}]`, "correct horse battery");
  await page.click("button[type=submit]");
  await page.waitForURL(`${home}/`);
  await shoot(page, "home-empty");

  await page.goto(`${home}/account/hooks`);
  await shoot(page, "hooks-empty");
  await page.fill("[name=url]", `http://${hook}/quezao`);
  await page.click("main button[type=submit]");
  assert.match(await page.locator("code").innerText(), /^whsec_/);
  await shoot(page, "hooks-made");

  // Ten pictures, a text, and one that is empty.
  const files = [];
  for (let i = 0; i < 6; i += 1) files.push({ name: `作品_${i + 1}.png`, mimeType: "image/png", buffer: await paint(context, i) });
  files.push({ name: "说明.txt", mimeType: "text/plain", buffer: Buffer.from("色卡说明") });
  files.push({ name: "空.jpg", mimeType: "image/jpeg", buffer: Buffer.alloc(0) });
  await page.goto(`${home}/register`);
  await shoot(page, "register-empty");
  await page.setInputFiles("#choose", files);
  await page.fill("[name=author]", "林晚");
  await page.click("#go");
  await rows(page, 7);
  assert.equal(await page.locator("#batch .state.bad").count(), 1);
  assert.match(await page.locator("#batch .err").first().innerText(), inWords(/空文件不能存证/, /empty file/));
  await shoot(page, "register-done");

  for (let i = 0; i < 300 && heard.length < 7; i += 1) await new Promise((done) => setTimeout(done, 100));
  assert.equal(new Set(heard).size, 7, "each sealed deposit was told once");

  await page.goto(`${home}/library`);
  await page.waitForLoadState("networkidle");
  assert.equal(await page.locator(".shelf li").count(), 7);
  await shoot(page, "library");
  await page.fill("#q", "作品_3");
  await page.press("#q", "Enter");
  await page.waitForURL(/q=/);
  assert.equal(await page.locator(".shelf li").count(), 1);
  await page.click(".shelf .t");
  await page.waitForURL(/deposits/);
  assert.match(await page.locator(".phrase").innerText(), inWords(/核验一致/, /Consistent/));
  await shoot(page, "deposit");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("a.btn.main")]);
  const certificate = join(work, "certificate.pdf");
  await download.saveAs(certificate);
  await page.goto(`${home}/verify`);
  await shoot(page, "verify");
  await page.setInputFiles("[name=evidence]", certificate);
  await page.setInputFiles("[name=originals]", files[2]);
  await page.click("button[type=submit]");
  assert.match(await page.locator(".phrase").innerText(), inWords(/核验一致/, /Consistent/));
  await shoot(page, "verify-result");
  await library({ browser, context, page, home, work, shoot, inWords, picture: files[2].buffer, certificate });
  for (const [path, name] of [["/captures", "captures"], ["/account", "account"], ["/account/hooks", "hooks"], ["/api", "api"], ["/nowhere", "not-found"], ["/", "home"]]) {
    await page.goto(home + path);
    await shoot(page, name);
  }

  await registering({ page, context, home, work, shoot, inWords });
  await people({ browser, page, home, shoot, inWords, locale });
  await page.goto(`${home}/account`);
  const asked = page.locator("form[action='/account/tokens']");
  await asked.locator("[name=name]").fill("tus");
  await asked.locator("[name=deposit]").check();
  await asked.locator("button[type=submit]").click();
  await page.waitForLoadState();
  const token = (await page.content()).match(/qz_[0-9a-f]{64}/)[0];
  await conformance(home, token);
  await secrets({ browser, page, home, locale, shoot, inWords });

  await page.goto(`${home}/preferences?lang=en&back=/library`);
  assert.equal(await page.locator("html").getAttribute("lang"), "en");

  // Without scripts everything is still there.
  const plain = await browser.newContext({ javaScriptEnabled: false, storageState: await context.storageState(), locale });
  const still = await plain.newPage();
  await still.goto(`${home}/register`);
  await still.setInputFiles("#choose", [{ name: "无脚本.txt", mimeType: "text/plain", buffer: Buffer.from("plain") }]);
  await still.click("#go");
  assert.equal(await still.locator(".rows .state.ok").count(), 1);
  assert.deepEqual(complaints.filter((c) => !/404/.test(c)), []);
  console.log("walked");
} finally {
  await browser.close();
  receiver.close();
  await portal.close();
}
