// Every vector: the browser's verdict is the native verifier's, byte for byte.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { cases, clear, drop, launch, line, native, open, underFile } from "./desk.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser.close());

// The browser computes no distance again; the command line does, from pictures that were given.
function withoutDistances(text) {
  const verdict = JSON.parse(text);
  const check = verdict.checks.find((item) => item.id === "comparison-distances");
  assert.equal(check?.required ?? false, false);
  return { ...verdict, checks: verdict.checks.filter((item) => item !== check) };
}

// Some sentences name the reader's clock, and the two read it one after the other.
const withoutClock = (text, now) => {
  const near = (instant, whole) => (Math.abs(Date.parse(instant) - now) < 600e3 ? "now" : whole);
  return text
    .replace(/(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) \(UTC\+8\), ([\d-]+ )?[\d:]+ UTC/g, (whole, day, hour) => near(`${day}T${hour}+08:00`, whole))
    .replace(/\d{4}-\d\d-\d\dT[\d:]+\.\d+Z/g, (whole) => near(whole, whole));
};

test("every vector gives what the native verifier gives", async () => {
  const all = cases();
  assert.ok(all.length > 600, `${all.length} cases`);
  // One native process runs beside the browser.
  const expected = (item) => native(item.artefact, item.originals, item.trust);
  const { page, errors } = await open(browser, underFile);
  const wrong = [], untold = new Set();
  let next = expected(all[0]);
  for (const [i, item] of all.entries()) {
    const wanted = withoutClock(await next, Date.now());
    if (i + 1 < all.length) next = expected(all[i + 1]);
    await drop(page, [item.artefact, ...item.originals, ...item.trustFiles]);
    const found = withoutClock(await line(page), Date.now());
    if (found !== wanted) {
      try {
        assert.ok(item.about.check.startsWith("comparison"), "not a comparison");
        assert.deepEqual(withoutDistances(found), withoutDistances(wanted));
      } catch (error) {
        wrong.push(`${item.name}: ${error.message}\n  browser ${found}  native  ${wanted}`);
      }
    }
    for (const text of await page.locator("#verdict .q").allTextContents()) if (/^[a-z-]+$/.test(text)) untold.add(text);
    await clear(page);
  }
  assert.deepEqual(wrong, []);
  assert.deepEqual([...untold], [], "checks without a question in locales/*/verifier.ftl");
  assert.deepEqual(errors, []);
});
