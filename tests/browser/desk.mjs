// What the tests share: the browser, the page under file: and http:, the vectors, the native verifier.
import { chromium } from "playwright-core";
import { execFile } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const target = path.resolve(root, process.env.CARGO_TARGET_DIR ?? "target");
export const site = path.join(target, "verifier");
export const vectors = path.join(root, "vectors");
const quezao = path.join(target, "debug/quezao");

// The ELF file itself: the wrapper /usr/bin/chromium reads settings of the host's.
const chromiumPath = "/usr/lib/chromium/chromium";

export function launch() {
  // As root Chromium has no sandbox of its own.
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({ executablePath: chromiumPath, args });
}

// The static folder from a plain web server on loopback.
export async function serve() {
  const server = http.createServer((request, response) => {
    const name = path.normalize(new URL(request.url, "http://x").pathname).replace(/\/$/, "/index.html");
    fs.readFile(path.join(site, name), (error, bytes) => {
      response.writeHead(error ? 404 : 200, { "content-type": name.endsWith(".html") ? "text/html" : "text/plain" });
      response.end(bytes);
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { address: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

export const underFile = `file://${site}/index.html`;

// A page that is ready, and everything that it asked for or complained about since.
export async function open(browser, address, options = {}) {
  const context = await browser.newContext({ locale: "zh-CN", viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const asked = [], errors = [];
  page.on("request", (request) => asked.push(request.url()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  if (options.clock) await page.clock.install({ time: options.clock });
  await page.goto(address);
  await page.waitForSelector("#drop");
  return { page, asked, errors, close: () => context.close() };
}

export function cases() {
  return fs.globSync ? list(fs.globSync("*/*/case.json", { cwd: vectors })) : list(walk());
}
const walk = () => fs.readdirSync(vectors).flatMap((a) => (fs.statSync(path.join(vectors, a)).isDirectory()
  ? fs.readdirSync(path.join(vectors, a)).filter((b) => fs.existsSync(path.join(vectors, a, b, "case.json"))).map((b) => `${a}/${b}/case.json`)
  : []));
const list = (files) => files.sort().map((file) => caseOf(path.dirname(file)));

export function caseOf(name) {
  const about = JSON.parse(fs.readFileSync(path.join(vectors, name, "case.json"), "utf8"));
  const trust = path.join(vectors, about.trust);
  return {
    name, about, trust, artefact: path.join(vectors, name, about.package),
    originals: about.originals.map((file) => path.join(vectors, file)),
    // Dropped one by one, without whatever else lies in the folder.
    trustFiles: fs.readdirSync(trust).filter((file) => /^(policy|roles\.json|.*\.pem)$/.test(file)).map((file) => path.join(trust, file)),
  };
}

// What `quezao verify --json` prints; a browser knows names only, so it is run where the originals lie.
export async function native(artefact, originals, trust) {
  const cwd = originals.length ? path.dirname(originals[0]) : root;
  const args = ["verify", "--json", ...(trust ? ["--trust", trust] : []), artefact, ...originals.map((file) => path.basename(file))];
  const env = { ...process.env, QUEZAO_DATA: "" };
  const ran = await promisify(execFile)(quezao, args, { cwd, env, maxBuffer: 64 << 20 }).catch((error) => error);
  if (!ran.stdout) throw new Error(`${quezao} ${args.join(" ")}: ${ran.stderr || ran.message}`);
  return ran.stdout;
}

// Drops files, and waits until the page has said something about them.
export async function drop(page, files, input = "#files") {
  await page.setInputFiles(input, files);
  await settled(page);
}
export const settled = (page, timeout = 60000) => page.waitForFunction(() => outcome !== null || problem !== null, null, { timeout });
export const line = (page) => page.evaluate(() => `${outcome?.json ?? problem.id}\n`);
export const phrase = (page) => page.textContent("#phrase");

// An empty table without trust, as a person makes it.
export async function clear(page) {
  await page.evaluate(() => document.getElementById("trust-clear").click());
  await page.evaluate(() => document.getElementById("clear").click());
  await page.waitForFunction(() => outcome === null && problem === null && !trust.files.length);
}
