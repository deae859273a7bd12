// One merchant's whole life on somebody's platform, as a person would live it: signs up → activates by a code → is
// verified → registers → lets a colleague in with one permission → licenses → ends the licence → runs out → buys a pack
// in a market → closes the account. axe looks at every page; with a folder it leaves pictures there; `en` is English.
//
//     node tests/portal/merchant.mjs [FOLDER] [en]
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHmac } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { browse, eye, house, paint, rows, watched } from "./house.mjs";
import { licences } from "./licences.mjs";
import { operating } from "./room.mjs";

const english = process.argv.includes("en");
const pictures = process.argv.slice(2).find((word) => word !== "en");
const locale = english ? "en-GB" : "zh-CN";
const inWords = (zh, en) => (english ? en : zh);
const complaints = [];
const shoot = eye({ pictures, english, complaints });
const PASSWORD = "correct horse battery";

// Small enough to run out of.
const EDITIONS = `
[order]
zh = "请联系运营者：service@quezao.example"
en = "Write to service@quezao.example"

[edition.trial]
zh = "试用版"
en = "Trial"
months = 1
deposits = 3
captures = 0
storage = "10 MiB"
seats = 2
features = []

[pack.more]
zh = "存证加量包（5 次）"
en = "5 more deposits"
months = 12
deposits = 5
`;

const portal = house();
const { work, run } = portal;
run("init", "--data", "data", "--owner-kind", "enterprise", "--owner-name", "霁川数据技术有限公司", "--owner-code", "91350211M000100Y46");
writeFileSync(join(work, "data", "editions.toml"), EDITIONS);
const secret = run("admin", "market-secret", "--data", "data").match(/\b[\w-]{32,}\b/)[0];
const wait = portal.serve("--sign-up", "open");
const browser = await browse();
try {
  const setUp = await wait(/http:\/\/\S+\/set-up\/\w+/);
  const home = new URL(setUp).origin;
  const size = { locale, viewport: { width: 1280, height: 900 } };

  // The operator: sets up, makes one code.
  const room = await watched(await browser.newContext(size), home, complaints);
  await room.goto(setUp);
  await room.fill("[name=name]", "赵运");
  await room.fill("[name=login]", "zhaoyun");
  await passwords(room);
  await room.waitForURL(`${home}/`);
  await room.goto(`${home}/operator/codes`);
  await room.selectOption("[name=edition]", "trial");
  await room.check("[name=gift]");
  await room.fill("[name=note]", "开业活动");
  await room.click("button[value=page]");
  const code = await room.locator(".note code").innerText();
  await shoot(room, "codes");

  // Signs up, with a wrong number first.
  const context = await browser.newContext(size);
  const page = await watched(context, home, complaints);
  await page.goto(`${home}/sign-up`);
  await shoot(page, "sign-up");
  await page.check("[name=kind][value=individual]");
  await page.fill("[name=owner_name]", "周砚");
  await page.fill("[name=number]", "110105199003070019");
  await page.fill("[name=name]", "周砚");
  await page.fill("[name=login]", "zhouyan");
  await passwords(page);
  await page.waitForSelector("[name=number][aria-invalid=true]");
  await shoot(page, "sign-up-refused");
  await page.fill("[name=number]", identity("11010519900307001"));
  await passwords(page);
  await page.waitForURL(`${home}/activate`);
  assert.equal((await page.goto(`${home}/register`)).status(), 200);
  await shoot(page, "register-not-activated");

  // Activates: what the code contains, then the tick.
  await page.goto(`${home}/activate`);
  await shoot(page, "activate");
  await page.fill("[name=code]", "AAAA-BBBB-CCCC-DDDD");
  await page.press("[name=code]", "Enter");
  await page.waitForSelector("[name=code][aria-invalid=true]");
  await page.fill("[name=code]", code);
  await page.press("[name=code]", "Enter");
  await page.waitForSelector("[name=acknowledged]");
  assert.match(await page.locator("main").innerText(), inWords(/试用版/, /Trial/));
  await shoot(page, "activate-contents");
  await page.check("[name=acknowledged]");
  await page.press("[name=acknowledged]", "Enter");
  await page.waitForURL(`${home}/account/edition`);
  await shoot(page, "edition");
  assert.match(await page.locator("dl.left").innerText(), /^\D*3\b/);

  // Shows who it is; the operator looks, and approves.
  await page.goto(`${home}/account/identity`);
  await shoot(page, "identity");
  await page.setInputFiles("[name=document]", { name: "身份证.png", mimeType: "image/png", buffer: await paint(context, 9) });
  await page.click("form[action='/account/identity/documents'] button");
  await page.click("form[action='/account/identity/ask'] button");
  await page.waitForSelector(".state.wait");
  await shoot(page, "identity-asked");
  await room.goto(`${home}/operator/merchants`);
  await shoot(room, "merchants");
  await room.click("ul.rows a.t");
  await room.waitForSelector("[name=words]");
  await shoot(room, "review");
  await room.fill("[name=words]", "核对身份证原件照片");
  await room.click("button[value=approve]");
  await room.waitForSelector("dl.facts .state.ok");
  await page.reload();
  await page.waitForSelector("dl.facts .state.ok");
  await shoot(page, "identity-approved");

  // Registers two; the certificate says who established the name.
  await register(page, home, context, [1, 2]);
  await page.goto(`${home}/library`);
  assert.equal(await page.locator(".shelf li").count(), 3, "two pictures, and what established the name");
  await page.click(".shelf .t >> text=作品_2.png");
  await page.waitForURL(/deposits/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("a.btn.main")]);
  const certificate = join(work, "certificate.pdf");
  await download.saveAs(certificate);
  const text = execFileSync("pdftotext", ["-layout", certificate, "-"], { encoding: "utf8" }).replaceAll(/\s/g, "");
  assert.match(text, /周砚/);
  assert.match(text, /霁川数据技术有限公司/);
  assert.match(text, inWords(/核对身份证原件照片/, /核对身份证原件照片/));

  // More than is left is said as soon as it is chosen.
  await page.goto(`${home}/register`);
  const two = [];
  for (const n of [3, 4]) two.push({ name: `作品_${n}.png`, mimeType: "image/png", buffer: await paint(context, n) });
  await page.setInputFiles("#choose", two);
  assert.match(await page.locator("#short").innerText(), inWords(/选了 2 个文件，只剩 1 次/, /2 files are chosen and 1 deposits/));
  await shoot(page, "register-too-many");

  // A colleague may register, and nothing else.
  await page.goto(`${home}/account/people`);
  await page.fill("[name=name]", "何青");
  await page.check("[name=register]");
  await page.press("[name=register]", "Enter");
  const address = await page.locator(".note code").innerText();
  const other = await watched(await browser.newContext(size), home, []);
  await other.goto(address);
  await other.fill("[name=login]", "heqing");
  await passwords(other);
  await other.waitForURL(/sign-in/);
  await other.fill("[name=login]", "heqing");
  await other.fill("[name=password]", PASSWORD);
  await other.press("[name=password]", "Enter");
  await other.waitForURL(`${home}/`);
  assert.equal((await other.goto(`${home}/register`)).status(), 200);
  for (const path of ["/library", "/licences", "/captures", "/account/people", "/account/edition", "/account/audit", "/account/close", "/activate"]) {
    assert.equal((await other.goto(home + path)).status(), 403, path);
  }
  await other.goto(`${home}/account/close`);
  await shoot(other, "only-main");
  // Two seats are taken: a third is not invited.
  await page.goto(`${home}/account/people`);
  await page.fill("[name=name]", "第三人");
  await page.press("[name=name]", "Enter");
  await page.waitForSelector(".err");
  await shoot(page, "no-seat");

  await licences({ browser, page, home, locale, shoot, inWords });

  // Runs out: said before anything is done, and nothing is lost.
  await register(page, home, context, [3]);
  await page.goto(`${home}/account/edition`);
  assert.match(await page.locator("dl.left").innerText(), /^\D*0\b/);
  await page.goto(`${home}/register`);
  assert.equal(await page.locator("#go:disabled").count(), 1, "said before any work is done");
  assert.match(await page.locator("#remaining").innerText(), inWords(/用完/, /No deposits are left/));
  await shoot(page, "register-run-out");
  await page.goto(`${home}/captures`);
  assert.match(await page.locator(".err.warn").first().innerText(), inWords(/不包含网页取证/, /has no captures/));
  await shoot(page, "captures-lacking");
  const before = await checkpoint(home);

  // A pack from the market; twice told, once given.
  const account = (await (await page.goto(`${home}/activate`)).text()).match(inWords(/账户编号：(\d+)/, /asks for it: (\d+)/))[1];
  const order = { event: "evt-1", type: "order.paid", order: "FW-3381", account: Number(account), item: "more", begins_at: new Date(Date.now() - 60_000).toISOString().replace("Z", "000Z") };
  assert.equal(await tell(home, order, "wrong"), 401);
  assert.equal(await tell(home, order, secret), 200);
  assert.equal(await tell(home, order, secret), 200);
  await page.goto(`${home}/account/edition`);
  assert.match(await page.locator("dl.left").innerText(), /^\D*5\b/);
  await shoot(page, "edition-pack");
  await room.goto(`${home}/operator/grants?account=${account}`);
  await shoot(room, "grants");
  await register(page, home, context, [4]);
  await operating({ room, page, home, account, shoot, inWords });

  // Closes: first what is lost.
  await page.goto(`${home}/account/close`);
  await shoot(page, "close");
  await page.fill("[name=password]", PASSWORD);
  await page.press("[name=password]", "Enter");
  await page.waitForURL(`${home}/account/close`);
  await page.waitForSelector("a[href='/sign-in']");
  await shoot(page, "closed");
  await page.goto(`${home}/sign-in`);
  await page.fill("[name=login]", "zhouyan");
  await page.fill("[name=password]", PASSWORD);
  await page.press("[name=password]", "Enter");
  await page.getByText(inWords("登录名或密码不对", "wrong")).first().waitFor();
  assert.ok((await checkpoint(home)) >= before, "the ledger stays");
  // What was given to others goes on being good.
  await room.goto(`${home}/verify`);
  await room.setInputFiles("[name=evidence]", certificate);
  await room.setInputFiles("[name=originals]", { name: "作品_2.png", mimeType: "image/png", buffer: await paint(context, 2) });
  await room.click("button[type=submit]");
  assert.match(await room.locator(".phrase").innerText(), inWords(/核验一致/, /Consistent/));
  assert.deepEqual(complaints.filter((c) => !/40[134]|42\d/.test(c)), []);
  console.log("lived");
} catch (error) {
  for (const page of browser.contexts().flatMap((context) => context.pages())) console.error(page.url(), await page.textContent("main", { timeout: 2000 }).catch(() => ""));
  throw error;
} finally {
  await browser.close();
  await portal.close();
}

async function passwords(page) {
  for (const field of ["password", "password2"]) await page.fill(`[name=${field}]`, PASSWORD);
  await page.press("[name=password2]", "Enter");
}

async function register(page, home, context, seeds) {
  await page.goto(`${home}/register`);
  const files = [];
  for (const n of seeds) files.push({ name: `作品_${n}.png`, mimeType: "image/png", buffer: await paint(context, n) });
  await page.setInputFiles("#choose", files);
  await page.click("#go");
  await rows(page, seeds.length);
}

// How many leaves it has.
async function checkpoint(home) {
  return Number((await (await fetch(`${home}/ledger/checkpoint`)).text()).split("\n")[1]);
}

// As docs/market.md has it.
async function tell(home, order, key) {
  const [at, body] = [Math.floor(Date.now() / 1000), JSON.stringify(order)];
  const mac = createHmac("sha256", key).update(`${at}.${body}`).digest("hex");
  const headers = { "content-type": "application/json", "quezao-timestamp": `${at}`, "quezao-signature": `v1=${mac}` };
  return (await fetch(`${home}/market/orders`, { method: "POST", headers, body })).status;
}

// With the check character of GB 11643.
function identity(body) {
  const sum = [...body].reduce((sum, digit, i) => sum + Number(digit) * (2 ** (17 - i) % 11), 0);
  return body + "10X98765432"[sum % 11];
}
