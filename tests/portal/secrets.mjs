// What only the person may know or undo: signing in, the password, an authenticator's codes, erasing. Part of
// tests/portal/walk.mjs; both languages.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";

const PASSWORD = "correct horse battery";

export async function secrets({ browser, page, home, locale, shoot, inWords }) {
  const stranger = await browser.newContext({ locale, viewport: { width: 1280, height: 900 } });
  const other = await stranger.newPage();
  await other.goto(home);
  await shoot(other, "home-visitor");
  await signIn(other, home, "wrong horse battery");
  assert.match(await other.locator("#e-password").innerText(), inWords(/不对/, /wrong/));
  await shoot(other, "sign-in-wrong");

  await page.goto(`${home}/account/password`);
  await shoot(page, "password");
  const recovery = await codes(page, home, shoot);
  await signIn(other, home, PASSWORD);
  await shoot(other, "sign-in-code");
  await other.fill("[name=code]", recovery[0]);
  await Promise.all([other.waitForURL(`${home}/`), other.click("main button[type=submit]")]);
  await stranger.close();
  await page.goto(`${home}/account/codes`);
  await shoot(page, "codes-on");
  await page.fill("[name=password]", PASSWORD);
  await page.fill("[name=code]", recovery[1]);
  await page.click("main button[type=submit]");
  assert.match(await page.locator("form").first().getAttribute("action"), /\/account\/codes$/, "no code is asked for any more");

  await erased(page, home, shoot, inWords);
}

async function signIn(page, home, password) {
  await page.goto(`${home}/sign-in`);
  await page.fill("[name=login]", "linwan");
  await page.fill("[name=password]", password);
  await page.click("main button[type=submit]");
  await page.waitForLoadState();
}

// Gives the recovery codes.
async function codes(page, home, shoot) {
  await page.goto(`${home}/account/codes`);
  await shoot(page, "codes");
  await page.fill("[name=password]", PASSWORD);
  await page.fill("[name=code]", totp(await page.locator("code.mono").innerText()));
  await page.click("main button[type=submit]");
  await page.waitForSelector(".rows code.mono");
  await shoot(page, "codes-recovery");
  return page.locator(".rows code.mono").allInnerTexts();
}

async function erased(page, home, shoot, inWords) {
  await page.goto(`${home}/library?q=${encodeURIComponent("说明.txt")}`);
  const record = await page.locator(".shelf .t").first().getAttribute("href");
  await page.goto(`${home}${record}/erase`);
  await shoot(page, "erase");
  await page.fill("[name=password]", PASSWORD);
  await page.click("main button[type=submit]");
  assert.match(await page.locator("h1").innerText(), inWords(/已删除|已销毁/, /erased|destroyed/i));
  await shoot(page, "erased");
}

// RFC 6238 with what authenticators take for granted: SHA-1, six digits, 30 s.
function totp(typed) {
  const bits = [...typed.replace(/[^A-Z2-7]/g, "")].map((c) => "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000)));
  const mac = createHmac("sha1", key).update(step).digest();
  return String((mac.readUInt32BE(mac[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}
