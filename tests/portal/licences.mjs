// Two pictures licensed to a franchise shop: looked at, recorded, its certificate taken, confirmed by the licensee by a
// link and without scripts, and the licence ended. Part of tests/portal/merchant.mjs; both languages.
import assert from "node:assert/strict";

export async function licences({ browser, page, home, locale, shoot, inWords }) {
  await page.goto(`${home}/licences`);
  await shoot(page, "licences-none");
  await page.goto(`${home}/library?kind=image`);
  for (const tick of await page.locator(".shelf input[type=checkbox]").all()) await tick.check({ force: true });
  await page.click("button[value=license]");
  await page.waitForSelector("[name=licensee]");
  assert.equal(await page.locator("[name^=pick-]:checked").count(), 2);
  await shoot(page, "licence-new");
  // The last day before the first.
  await page.fill("[name=licensee]", "木棉加盟店");
  await page.fill("[name=shop]", "木棉加盟店（广州）");
  await page.fill("[name=urls]", "https://mumian.example/item/*\nbücher.example");
  await page.fill("[name=from]", "2026-06-01");
  await page.fill("[name=until]", "2026-01-01");
  await page.click("button[value=preview]");
  await page.waitForSelector("[name=until][aria-invalid=true]");
  await shoot(page, "licence-refused");
  await page.fill("[name=from]", "");
  await page.fill("[name=until]", "2099-12-31");
  await page.fill("[name=scope]", inWords("商品详情页使用，不得转授权", "On product pages; not to be passed on"));
  await page.click("button[value=preview]");
  await page.waitForSelector("button[value=record]");
  assert.match(await page.locator("main").innerText(), /mumian\.example[^]*xn--bcher-kva\.example/);
  await shoot(page, "licence-check");
  await page.click("button[value=record]");
  await page.waitForURL(/licences\/[0-9a-f-]{36}$/);
  // Sealed a moment later.
  for (let i = 0; i < 30 && !(await page.locator("a.btn[href*='certificate.pdf']").count()); i += 1) {
    await new Promise((done) => setTimeout(done, 500));
    await page.reload();
  }
  await shoot(page, "licence");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("a.btn[href*='certificate.pdf']")]);
  assert.match(download.suggestedFilename(), /\.pdf$/);
  await page.click("form[action$='/links'] button");
  const link = await page.getAttribute("a[href^='/confirm/']", "href");
  const guest = await (await browser.newContext({ locale })).newPage();
  await guest.goto(home + link);
  await shoot(guest, "confirm");
  const plain = await (await browser.newContext({ locale, javaScriptEnabled: false })).newPage();
  await plain.goto(home + link);
  await plain.fill("[name=name]", "木棉文化有限公司");
  await plain.check("[name=read]");
  await plain.click("main form button[type=submit]");
  assert.match(await plain.locator("main").innerText(), /木棉文化有限公司/);
  await guest.goto(home + link);
  await shoot(guest, "confirmed");
  await page.goto(`${home}/licences`);
  assert.equal(await page.locator("ul.rows .state.ok").count(), 1);
  assert.match(await page.locator("ul.rows").innerText(), inWords(/已凭链接确认/, /confirmed by link/));
  await shoot(page, "licences");
  await page.click("ul.rows a.t");
  await page.fill("[name=reason]", inWords("合同提前解除", "the contract was ended early"));
  await page.check("[name=sure]");
  await page.click("#end button");
  await page.waitForSelector(".page-head .state.low");
  assert.equal(await page.locator("#end").count(), 0);
  await shoot(page, "licence-ended");
}
