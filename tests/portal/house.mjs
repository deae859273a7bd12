// What the walks stand on: a portal of its own, Debian's Chromium before it, and an eye for every page.
// playwright-core and axe-core come from tests/browser.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(new URL("../browser/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const quezao = process.env.QUEZAO ?? new URL("../../target/debug/quezao", import.meta.url).pathname;

export const browse = () => chromium.launch({ executablePath: "/usr/lib/chromium/chromium", args: ["--no-sandbox"] });

// A folder for one portal, and what is done in it before it is served.
export function house() {
  const work = mkdtempSync(join(tmpdir(), "quezao-portal-"));
  const env = { ...process.env, QUEZAO_STATE_DIR: join(work, "state"), LC_ALL: "C.UTF-8" };
  let child;
  return {
    work,
    run: (...args) => execFileSync(quezao, args, { cwd: work, env, encoding: "utf8" }),
    // Served on a free port of this machine. `wait` gives what it says, as soon as it has said it.
    serve(...args) {
      child = spawn(quezao, ["serve", "--data", "data", "--listen", "127.0.0.1:0", ...args], { cwd: work, env });
      let said = "";
      for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => { said += bytes; });
      return async (pattern) => {
        for (let i = 0; i < 300; i += 1) {
          const found = said.match(pattern);
          if (found) return found[0];
          await new Promise((done) => setTimeout(done, 100));
        }
        throw new Error(`the portal did not say ${pattern}: ${said}`);
      };
    },
    async close() {
      if (child?.kill()) await new Promise((done) => child.on("exit", done));
      rmSync(work, { recursive: true, force: true });
    },
  };
}

// Pages that the guides show (docs/pictures).
const GUIDE = ["set-up", "register-done", "library", "deposit", "verify-result", "shared", "hooks", "edition", "licence"];

// Looks at a page at both widths, in both lights: its picture where pictures are wanted, and what axe finds.
export function eye({ pictures, english, complaints }) {
  if (pictures && !existsSync(pictures)) mkdirSync(pictures, { recursive: true });
  const language = english ? "en" : "zh";
  return async function shoot(page, name) {
    for (const [width, height] of [[1280, 900], [360, 780]]) {
      await page.setViewportSize({ width, height });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) complaints.push(`${name} at ${width}: ${wide} px too wide`);
      for (const scheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme: scheme });
        // As a DevTools script: the page's own policy lets no other one in.
        const found = await page.evaluate(`${axe}; axe.run({ resultTypes: ["violations"] })`);
        for (const v of found.violations) complaints.push(`${name}, ${width}, ${scheme}: ${v.id}: ${v.nodes.map((n) => n.target).join(" ")}`);
        if (!pictures) continue;
        writeFileSync(join(pictures, `${name}-${language}-${width}-${scheme}.png`), await page.screenshot({ fullPage: true }));
        if (width === 1280 && scheme === "light" && GUIDE.includes(name)) await small(page, pictures, `${name}-${language}`);
      }
    }
    await page.emulateMedia({ colorScheme: "light" });
    await page.setViewportSize({ width: 1280, height: 900 });
  };
}

// What the guides show, as small as pages are printed there.
async function small(page, pictures, name) {
  const client = await page.context().newCDPSession(page);
  const { data } = await client.send("Page.captureScreenshot", { format: "webp", quality: 55 });
  mkdirSync(join(pictures, "guide"), { recursive: true });
  writeFileSync(join(pictures, "guide", `${name}.webp`), Buffer.from(data, "base64"));
  await client.detach();
}

// A page that hears nothing bad: no error in its console, no request to another place.
export async function watched(context, home, complaints) {
  context.on("weberror", (e) => complaints.push(`${e.error()}`));
  const page = await context.newPage();
  page.on("console", (m) => { if (m.type() === "error") complaints.push(m.text()); });
  page.on("request", (r) => { if (!r.url().startsWith(home) && !r.url().startsWith("blob:")) complaints.push(`request: ${r.url()}`); });
  return page;
}

// Waits until so many rows of the register page are of this kind; what they say instead is the error.
export async function rows(page, count, kind = "ok") {
  const there = () => page.locator(`#batch .state.${kind}`).count();
  for (const until = Date.now() + 120_000; await there() !== count; await page.waitForTimeout(100)) {
    if (Date.now() < until) continue;
    const said = await page.locator("#batch > li").allInnerTexts();
    throw new Error(`${count} rows were to be ${kind}, ${await there()} are: ${said.map((row) => row.replace(/\s+/g, " ")).join(" | ")}`);
  }
}

// A picture of its own for each number, drawn by the browser.
export async function paint(context, seed) {
  const page = await context.newPage();
  await page.setContent(`<canvas width=640 height=480></canvas>`);
  const data = await page.evaluate((n) => {
    const canvas = document.querySelector("canvas"), c = canvas.getContext("2d");
    const g = c.createLinearGradient(0, 0, 640, 480);
    g.addColorStop(0, `hsl(${n * 57}, 45%, 70%)`);
    g.addColorStop(1, `hsl(${n * 57 + 60}, 40%, 35%)`);
    c.fillStyle = g;
    c.fillRect(0, 0, 640, 480);
    c.fillStyle = `hsla(${n * 90}, 30%, 92%, .8)`;
    c.beginPath();
    c.arc(200 + n * 40, 240, 90 + n * 8, 0, 7);
    c.fill();
    return canvas.toDataURL("image/png").split(",")[1];
  }, seed);
  await page.close();
  return Buffer.from(data, "base64");
}
