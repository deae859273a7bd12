// The operator's room, after a merchant has lived in it a while: every page is looked at, a notice reaches the merchant.
// Part of tests/portal/merchant.mjs.
import assert from "node:assert/strict";

export async function operating({ room, page, home, account, shoot, inWords }) {
  await room.goto(`${home}/operator/notices`);
  await shoot(room, "room-notices");
  await room.fill("[name=zh]", "周日 2:00 到 4:00 维护，其间不能存证。");
  await room.fill("[name=en]", "On Sunday from 2:00 to 4:00 the service is maintained; nothing can be registered then.");
  await room.fill("[name=until]", "2020-01-01");
  await room.press("[name=until]", "Enter");
  await room.waitForSelector("[name=until][aria-invalid=true]");
  assert.match(await room.inputValue("[name=zh]"), /周日/, "what was written is kept");
  await room.fill("[name=until]", new Date(Date.now() + 5 * 24 * 3600e3).toISOString().slice(0, 10));
  await room.press("[name=until]", "Enter");
  await room.waitForSelector("ul.rows li");
  await shoot(room, "room-notices-made");

  await page.goto(`${home}/`);
  assert.match(await page.locator("aside.notices").innerText(), inWords(/周日 2:00/, /On Sunday/));
  await shoot(page, "home-notice");
  await page.click("aside.notices button");
  await page.waitForURL(`${home}/`);
  assert.equal(await page.locator("aside.notices").count(), 0, "put away");
  await page.goto(`${home}/account/notices`);
  assert.match(await page.locator("main").innerText(), inWords(/周日 2:00/, /On Sunday/));
  await shoot(page, "notices");

  await room.goto(`${home}/operator/orders`);
  assert.match(await room.locator("main").innerText(), /FW-3381/);
  await shoot(room, "room-orders");
  for (const [path, name] of [["", "room"], ["/queue", "room-queue"], ["/letters", "room-letters"], ["/storage", "room-storage"], ["/health", "room-health"], ["/invitations", "room-invitations"], ["/merchants", "room-merchants"], [`/merchants/${account}`, "room-merchant"]]) {
    assert.equal((await room.goto(`${home}/operator${path}`)).status(), 200, path);
    await shoot(room, name);
  }
  // Ended, it is on nobody's page.
  await room.goto(`${home}/operator/notices`);
  await room.click("form[action$='/end'] button");
  await room.waitForURL(`${home}/operator/notices`);
  assert.equal(await room.locator("aside.notices").count(), 0);
}
