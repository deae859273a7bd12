// Registering: one file a request, three at once, each with its own progress and its own error.
"use strict";

const form = document.getElementById("register");
if (form) {
  const words = JSON.parse(form.dataset.words);
  const [batch, drop, choose, go] = ["batch", "drop", "choose", "go"].map((id) => document.getElementById(id));
  const [all, bar, told, plan] = ["all", "all-bar", "all-words", "plan"].map((id) => document.getElementById(id));
  const files = [];
  const AT_ONCE = 3;
  let running = 0, begun = false;

  const say = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const size = (n) => n < 1e6 ? `${Math.ceil(n / 1e3)} KB` : n < 1e9 ? `${(n / 1e6).toFixed(1)} MB` : `${(n / 1e9).toFixed(2)} GB`;
  const make = (tag, name, text) => {
    const node = document.createElement(tag);
    if (name) node.className = name;
    if (text) node.textContent = text;
    return node;
  };
  const NS = "http://www.w3.org/2000/svg";
  const mark = (name, kind) => {
    const svg = document.createElementNS(NS, "svg"), use = document.createElementNS(NS, "use");
    svg.setAttribute("class", kind);
    svg.setAttribute("aria-hidden", "true");
    use.setAttribute("href", `#i-${name}`);
    svg.append(use);
    return svg;
  };

  function add(list) {
    for (const file of list) {
      const item = { file, state: "waiting", sent: 0, row: make("li") };
      item.picture = make("span", "pageicon");
      item.picture.append(mark("hash", ""));
      if (/^image\/(jpeg|png|webp|gif|bmp)$/.test(file.type)) {
        const image = new Image(72, 54);
        image.alt = "";
        image.addEventListener("load", () => { item.picture.replaceWith(image); URL.revokeObjectURL(image.src); });
        image.src = URL.createObjectURL(file);
      }
      item.words = make("div", "n", file.webkitRelativePath || file.name);
      item.words.append(make("span", "m", size(file.size)));
      item.standing = make("div", "go-col");
      item.remove = make("button", "icon-btn");
      item.remove.type = "button";
      item.remove.setAttribute("aria-label", `${words.remove} ${file.name}`);
      item.remove.append(mark("x", ""));
      item.remove.addEventListener("click", () => { files.splice(files.indexOf(item), 1); item.row.remove(); tell(); });
      item.row.append(item.picture, item.words, item.standing, item.remove);
      batch.append(item.row);
      files.push(item);
      show(item);
    }
    tell();
    if (begun) next();
  }

  const MARKS = { waiting: ["todo", "go"], sending: ["go", "go"], working: ["go", "go"], new: ["ok", "ok"], existing: ["no", "go"], pending: ["wait", "wait"], failed: ["bad", "bad"] };
  function show(item) {
    const [name, kind] = MARKS[item.state];
    const standing = make("span", `state ${kind}`);
    const part = item.file.size ? Math.floor(100 * item.sent / item.file.size) : 0;
    standing.append(mark(name, `mk ${kind}`), words[item.state] + (item.state === "sending" ? ` ${Math.min(part, 100)}%` : ""));
    item.standing.replaceChildren(standing);
    if (item.state === "sending") {
      const progress = make("progress");
      progress.max = item.file.size || 1;
      progress.value = item.sent;
      progress.setAttribute("aria-label", item.file.name);
      item.standing.append(progress);
    }
    if (item.id) {
      const link = make("a", "small", words.see);
      link.href = `/deposits/${item.id}`;
      item.standing.append(" ", link);
    }
    if (item.state === "failed") {
      const again = make("button", "btn slim", words.retry);
      again.type = "button";
      again.addEventListener("click", () => { item.state = "waiting"; item.error.remove(); show(item); next(); });
      item.standing.append(again);
    }
    item.remove.hidden = !["waiting", "failed"].includes(item.state);
  }

  function tell() {
    const count = (...states) => files.filter((f) => states.includes(f.state)).length;
    const total = files.reduce((n, f) => n + f.file.size, 0);
    plan.textContent = files.length ? say(words.plan, { n: files.length, size: size(total) }) : "";
    const open = count("waiting");
    go.textContent = open ? say(words["submit-n"], { n: open }) : go.dataset.plain;
    all.hidden = !begun;
    bar.max = total || 1;
    bar.value = files.reduce((n, f) => n + (["new", "existing", "pending", "failed"].includes(f.state) ? f.file.size : f.sent), 0);
    told.textContent = say(words["counts-live"], {
      done: count("new", "existing", "pending"), busy: count("sending", "working"), waiting: open, failed: count("failed"),
    });
    document.getElementById("library").hidden = !count("new", "existing", "pending");
  }

  function next() {
    const item = running < AT_ONCE && files.find((f) => f.state === "waiting");
    if (!item) return;
    running += 1;
    item.state = "sending";
    item.sent = 0;
    const data = new FormData(form);
    data.delete("files");
    data.append("files", item.file, item.file.name);
    const request = new XMLHttpRequest();
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-Csrf", form.dataset.csrf);
    request.upload.addEventListener("progress", (event) => {
      item.sent = Math.min(event.loaded, item.file.size);
      if (event.loaded >= event.total) item.state = "working";
      show(item);
      tell();
    });
    request.addEventListener("loadend", () => {
      running -= 1;
      let line = null;
      try { line = JSON.parse(request.responseText)[0]; } catch { line = null; }
      item.state = line ? line.status : "failed";
      item.id = line && line.id;
      const texts = line ? [line.error, ...line.warnings].filter(Boolean) : [words.cut];
      for (const text of texts) item.words.append(item.error = make("span", item.state === "failed" ? "err" : "err warn", text));
      show(item);
      tell();
      next();
    });
    request.send(data);
    show(item);
    tell();
    next();
  }

  // A dropped folder is walked; what a browser cannot read is passed over.
  async function walk(entry, found) {
    if (entry.isFile) found.push(await new Promise((done, no) => entry.file(done, no)));
    if (!entry.isDirectory) return;
    const reader = entry.createReader();
    for (;;) {
      const part = await new Promise((done, no) => reader.readEntries(done, no));
      if (!part.length) return;
      for (const inner of part) if (!inner.name.startsWith(".")) await walk(inner, found);
    }
  }

  go.dataset.plain = go.textContent;
  choose.addEventListener("change", () => { add(choose.files); choose.value = ""; });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((i) => i.webkitGetAsEntry && i.webkitGetAsEntry()).filter(Boolean);
    const found = [];
    for (const entry of entries) await walk(entry, found).catch(() => null);
    add(found.length ? found : event.dataTransfer.files);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    begun = files.length > 0;
    if (!begun) { document.getElementById("chosen").textContent = words["no-files"]; return; }
    document.getElementById("chosen").textContent = "";
    next();
  });
  addEventListener("beforeunload", (event) => {
    if (files.some((f) => ["sending", "working"].includes(f.state))) event.preventDefault();
  });
}
