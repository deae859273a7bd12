// A sub-account as people meet it: invited with one permission, refused the rest, its wish granted, ended. Part of
// tests/portal/walk.mjs; both languages.
import assert from "node:assert/strict";

export async function people({ browser, page, home, shoot, inWords, locale }) {
  await page.goto(`${home}/account/shops`);
  await page.fill("[name=platform]", "淘宝");
  await page.fill("[name=shop]", "林晚旗舰店");
  await page.fill("[name=url]", "https://shop.example/");
  await page.press("[name=url]", "Enter");
  await page.waitForSelector("ul.rows li");
  await shoot(page, "shops");

  await page.goto(`${home}/account/people`);
  await page.fill("[name=name]", "陈岚");
  await page.check("[name=register]");
  await page.press("[name=register]", "Enter");
  const address = await page.locator(".note code").innerText();
  assert.match(address, /\/join\/[0-9a-f]{64}$/);
  await shoot(page, "people-invited");

  const context = await browser.newContext({ locale, viewport: { width: 1280, height: 900 } });
  const sub = await context.newPage();
  await sub.goto(address);
  await shoot(sub, "join");
  await sub.fill("[name=login]", "chenlan");
  for (const field of ["password", "password2"]) await sub.fill(`[name=${field}]`, "correct horse battery");
  await sub.press("[name=password2]", "Enter");
  await sub.waitForURL(/sign-in/);
  await sub.fill("[name=login]", "chenlan");
  await sub.fill("[name=password]", "correct horse battery");
  await sub.press("[name=password]", "Enter");
  await sub.waitForURL(`${home}/`);
  await shoot(sub, "sub-home");
  assert.equal((await sub.goto(`${home}/register`)).status(), 200);
  for (const path of ["/library", "/account/people", "/account/audit"]) {
    assert.equal((await sub.goto(home + path)).status(), 403, path);
  }
  for (const path of ["/account/hooks", "/operator"]) assert.notEqual((await sub.goto(home + path)).status(), 200, path);
  await sub.goto(`${home}/library`);
  await shoot(sub, "ask");
  await sub.fill("[name=words]", inWords("核对登记", "to compare what was registered"));
  await sub.press("[name=words]", "Enter");
  assert.match(await sub.locator("h1").innerText(), inWords(/已发给主账户/, /Sent to the main account/));
  await shoot(sub, "asked");

  await page.goto(`${home}/account/people`);
  await shoot(page, "people-wish");
  await page.click("form[action$='/grant'] button");
  await page.waitForSelector(".state.ok");
  assert.equal((await sub.goto(`${home}/library`)).status(), 200);
  await page.click("main a.btn.slim");
  await page.waitForURL(/people\/\d+$/);
  await shoot(page, "person");
  await passkey(browser, home, shoot, locale);
  await page.goto(`${home}/account/audit`);
  await shoot(page, "audit");
  await page.goto(`${home}/operator`);
  await shoot(page, "operator");
  await context.close();
}

// A passkey of Chromium's own device: made, and used to sign in. Browsers want a name for it, so the place is localhost.
async function passkey(browser, home, shoot, locale) {
  const place = home.replace("127.0.0.1", "localhost");
  const context = await browser.newContext({ locale, viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const client = await context.newCDPSession(page);
  await client.send("WebAuthn.enable");
  const options = { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true };
  await client.send("WebAuthn.addVirtualAuthenticator", { options });
  await page.goto(`${place}/sign-in`);
  await page.fill("[name=login]", "chenlan");
  await page.fill("[name=password]", "correct horse battery");
  await page.press("[name=password]", "Enter");
  await page.waitForURL(`${place}/`);
  await page.goto(`${place}/account/passkeys`);
  await page.fill("[name=password]", "correct horse battery");
  await page.press("[name=password]", "Enter");
  await page.waitForSelector("form[data-passkey]:not([hidden])");
  await page.fill("[name=name]", "Chromium");
  await shoot(page, "passkey-new");
  await page.press("[name=name]", "Enter");
  await page.waitForURL(`${place}/account/passkeys`);
  assert.match(await page.locator("ul.rows").innerText(), /Chromium/);
  await shoot(page, "passkeys");
  await page.goto(`${place}/account`);
  await page.click("form[action='/sign-out'] button");
  await page.waitForURL(/sign-in/);
  await shoot(page, "sign-in");
  await page.click("form[data-passkey] button");
  await page.waitForURL(`${place}/`);
  assert.match(await page.locator("header.top").innerText(), /陈岚/);
  await context.close();
}
