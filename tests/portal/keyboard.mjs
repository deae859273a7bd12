// The portal by keyboard alone, on a screen 360 px wide: set up, sign in, register one picture, open it, take its
// certificate, sign out. At every stop the focus is to be seen, and no page is wider than the screen.
//
//     node tests/portal/keyboard.mjs
//
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { browse, house } from "./house.mjs";

const PICTURE = Buffer.from("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==", "base64");
const MOST = 120;

const portal = house();
const told = portal.serve();
const browser = await browse();
try {
  const setUp = await told(/http:\/\/\S+\/set-up\/\w+/);
  const home = new URL(setUp).origin;
  const context = await browser.newContext({ locale: "zh-CN", viewport: { width: 360, height: 740 } });
  const page = await context.newPage();
  const keys = page.keyboard;

  // Where the focus is, whether it can be seen, and whether it lies on the screen.
  const focus = (wanted) => page.evaluate((selector) => {
    const on = document.activeElement;
    if (!on || on === document.body) return { there: false };
    // A choice of files is drawn by its label.
    const drawn = on.matches("input.sr") ? on.closest("label") : on;
    const style = getComputedStyle(drawn), box = drawn.getBoundingClientRect();
    const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1 || style.boxShadow !== "none";
    const here = box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    return { there: on.matches(selector), seen, here, name: on.outerHTML.slice(0, 120) };
  }, wanted);
  const narrow = async () => {
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${page.url()} is ${wide} px too wide`);
  };
  // Tab after tab, until what is wanted has the focus.
  const reach = async (wanted) => {
    await narrow();
    for (let n = 0; n < MOST; n += 1) {
      await keys.press("Tab");
      const at = await focus(wanted);
      if (at.name) assert.ok(at.seen && at.here, `no visible focus at ${page.url()}: ${at.name}`);
      if (at.there) return;
    }
    assert.fail(`no key leads to ${wanted} on ${page.url()}`);
  };
  const write = async (wanted, text) => { await reach(wanted); await keys.type(text); };
  const follow = async (wanted, to) => {
    await reach(wanted);
    await Promise.all([page.waitForURL(to), keys.press("Enter")]);
    await narrow();
  };

  await page.goto(setUp);
  await write("[name=operator_name]", "林晚");
  await write("[name=name]", "林晚");
  await write("[name=login]", "linwan");
  await write("[name=password]", "correct horse battery");
  await write("[name=password2]", "correct horse battery");
  await Promise.all([page.waitForURL(`${home}/`, { timeout: 60_000 }), keys.press("Enter")]);
  await follow("a[href='/account']", /\/account$/);
  await follow("form[action='/sign-out'] button", (url) => !url.pathname.startsWith("/account"));

  await page.goto(`${home}/sign-in`);
  await write("[name=login]", "linwan");
  await write("[name=password]", "correct horse battery");
  await Promise.all([page.waitForURL((url) => url.pathname !== "/sign-in"), keys.press("Enter")]);
  await follow("a[href='/register']", /\/register$/);
  await reach("#choose");
  const [chooser] = await Promise.all([page.waitForEvent("filechooser"), keys.press("Space")]);
  await chooser.setFiles({ name: "键盘.png", mimeType: "image/png", buffer: PICTURE });
  await reach("#go");
  await keys.press("Enter");
  await page.waitForSelector("#batch a[href^='/deposits/']", { timeout: 60_000 });
  await follow("#batch a[href^='/deposits/']", /\/deposits\//);
  await page.waitForSelector(".phrase");
  await reach("a.main[href*='certificate.pdf']");
  const [download] = await Promise.all([page.waitForEvent("download", { timeout: 60_000 }), keys.press("Enter")]);
  assert.equal(readFileSync(await download.path()).subarray(0, 5).toString(), "%PDF-");
  for (const path of ["/library", "/captures", "/verify", "/api"]) {
    await page.goto(home + path);
    await narrow();
  }
  await follow("a[href='/account']", /\/account$/);
  await follow("form[action='/sign-out'] button", (url) => !url.pathname.startsWith("/account"));
  assert.ok(!(await context.cookies()).some((cookie) => /session/.test(cookie.name) && cookie.value), "signed out");
  console.log("walked by keyboard");
} finally {
  await browser.close();
  await portal.close();
}
