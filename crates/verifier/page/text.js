// Words, and elements made of them. Whatever comes from a file goes into text nodes, never into markup.

const TEXTS = JSON.parse(document.getElementById("texts").textContent);
// A site that links here says which language its reader reads: `#zh`, `#en`.
let language = /^#(zh|en)$/.exec(location.hash)?.[1] ?? (/^zh\b/i.test(navigator.language) ? "zh" : "en");

// A message with its variables filled; an unknown one is its own name.
const has = (id) => id in TEXTS[language];
const t = (id, values = {}) => (TEXTS[language][id] ?? id).replace(/\{ \$([\w-]+) \}/g, (whole, name) => String(values[name] ?? whole));
// A sentence in both languages.
const said = (sentence) => sentence[language];

// h("p.soft", {id: "x"}, "text", child…): an element with its classes, attributes and children.
function h(kind, ...rest) {
  const [tag, ...classes] = kind.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  const plain = rest[0] && typeof rest[0] === "object" && !(rest[0] instanceof Node) && !Array.isArray(rest[0]);
  for (const [name, value] of Object.entries(plain ? rest.shift() : {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false) element.setAttribute(name, value);
  }
  element.append(...rest.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

function icon(id, kind = "") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#i-${id}`);
  svg.setAttribute("aria-hidden", "true");
  if (kind) svg.setAttribute("class", kind);
  svg.append(use);
  return svg;
}

// Names of files may turn a line around or hide a part of it; in a verdict's sentences the same is done by `verify`.
const clean = (name) => name.replace(/[\p{Cc}\u061C\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]/gu, "\uFFFD");

const number = (n) => n.toLocaleString("en-US");
function size(bytes) {
  const [unit, by] = bytes < 1e6 ? ["kB", 1e3] : bytes < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  return bytes < 1000 ? t("v-bytes", { n: number(bytes) }) : `${(bytes / by).toFixed(1)} ${unit}`;
}

// 2026-11-24 11:05:00 (UTC+8), with UTC beside it where it dates evidence.
const shifted = (ms) => new Date(ms + 8 * 3600e3).toISOString().slice(0, 19).replace("T", " ");
const when = (ms) => h("time", { datetime: new Date(ms).toISOString() }, `${shifted(ms)} (UTC+8)`);
function dated(ms) {
  const utc = new Date(ms).toISOString().slice(0, 19).replace("T", " ");
  return [when(ms), h("span.nb.soft", ` ${utc.slice(0, 10) === shifted(ms).slice(0, 10) ? utc.slice(11) : utc} UTC`)];
}

// A sentence whose dates do not break at their hyphens.
const sentence = (text) => text.split(/(\d{4}-\d\d-\d\d)/).map((part, i) => (i % 2 ? h("span.nb", part) : part));

// A digest in eights that copies as one string; where `other` differs from it, the eights that do are marked.
function digest(hex, other = null) {
  const parts = hex.match(/.{1,8}/g);
  const differs = (i) => other !== null && other.length === hex.length && other.slice(8 * i, 8 * i + 8) !== parts[i];
  return h("code.digest", parts.flatMap((part, i) => [h("span", differs(i) ? h("mark", part) : part), h("wbr")]));
}

// A compared value: the digests in it in eights, one a line; everything else as it is.
function value(text, other = null) {
  const others = other?.match(/\b[0-9a-f]{64}\b/g) ?? [];
  let n = 0;
  const parts = text.split(/\b([0-9a-f]{64})\b/);
  return parts.map((part, i) => (i % 2 ? h("span.line", digest(part, other === null ? null : others[n++] ?? "")) : part.replace(/^, /, "")));
}

// Everything that stands in the page's own markup.
function fillTexts() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = `${t("v-tab")} · ${t("product")}`;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  const other = document.getElementById("language");
  other.textContent = language === "zh" ? "English" : "中文";
  other.lang = language === "zh" ? "en" : "zh-CN";
}
