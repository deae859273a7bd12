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
  await page.goto(`${home}/account/audit`);
  await shoot(page, "audit");
  await page.goto(`${home}/operator`);
  await shoot(page, "operator");
  await context.close();
}
