// What is claimed of each file: what was typed for all, over that for its folders, over that what a table says.
import { holdTable } from "./send.js";

export function rights(form, words, say, files) {
  const at = (id) => document.getElementById(id);
  const [scope, table, said, wrong, off, capture] = ["scope", "table", "table-said", "table-wrong", "table-off", "capture-it"].map(at);
  const inputs = [...form.querySelectorAll("#claims [name], .parts [name]")];
  // Folder ("" is all) → claim → value; the fields show the chosen folder's.
  const typed = new Map([["", {}]]);
  let shown = "", file = null, held = null, attached = new Map(), apart = new Set();

  const keep = () => typed.set(shown, Object.fromEntries(inputs.map((i) => [i.name, i.value.trim()]).filter(([, v]) => v)));
  const show = (folder) => {
    shown = folder;
    const values = typed.get(folder) ?? {};
    for (const input of inputs) input.value = values[input.name] ?? "";
    aim();
  };
  const aim = () => {
    const url = inputs.find((i) => i.name === "published_url").value.trim();
    capture.href = "/captures?" + new URLSearchParams(url ? { whose: "own", url } : { whose: "own" });
  };
  form.addEventListener("input", () => { keep(); aim(); });
  scope.addEventListener("change", () => { keep(); show(scope.value); });

  // The folders of what was dropped, each once.
  function folders() {
    const all = new Set();
    for (const { path } of files) {
      const parts = path.split("/");
      for (let i = 1; i < parts.length; i += 1) all.add(parts.slice(0, i).join("/"));
    }
    const have = [...scope.options].slice(1);
    for (const option of have) if (!all.has(option.value)) option.remove();
    for (const folder of [...all].sort()) {
      if (have.some((o) => o.value === folder)) continue;
      scope.append(new Option(say(words["scope-folder"], { name: folder }), folder));
    }
    document.getElementById("scope-part").hidden = !all.size;
    if (scope.value !== shown) { keep(); show(scope.value); }
  }

  // A name as a table has it: from the dropped folder on.
  const inside = (item) => (item.path.includes("/") ? item.path.split("/").slice(1).join("/") : item.path).replace(/\n/g, "\ufffd");

  // Holds the table against every file that is still to go. True where it is good, or there is none.
  async function check() {
    held = null;
    attached = new Map();
    apart = new Set();
    wrong.replaceChildren();
    said.textContent = "";
    off.hidden = !file;
    if (!file) return true;
    const open = files.filter((f) => f.file && !f.unpack && ["waiting", "failed"].includes(f.state));
    if (!open.length) { said.textContent = words["table-none"]; return true; }
    try {
      const answer = await holdTable(file, open.map(inside));
      if (!answer.wrong.length) {
        held = new Map(open.map((item, i) => [item, answer.claims[i]]));
        attached = new Map(open.map((item, i) => [item, answer.attachments[i].map((n) => open[n])]));
        apart = new Set([...attached.values()].flat());
        said.textContent = say(words["table-good"], { rows: answer.rows, files: open.length - apart.size - answer.silent, silent: answer.silent });
        return true;
      }
      said.textContent = say(words["table-wrong"], { n: answer.wrong.length });
      for (const place of answer.wrong.slice(0, 100)) {
        const line = document.createElement("li");
        line.className = "err";
        line.textContent = place.text;
        wrong.append(line);
      }
    } catch (e) {
      said.textContent = e.message || words.cut;
    }
    wrong.scrollIntoView({ block: "nearest" });
    return false;
  }

  table.addEventListener("change", () => { file = table.files[0] ?? null; check(); });
  off.addEventListener("click", () => { file = null; table.value = ""; check(); });

  // Files that this one names: registered before it, and nothing is claimed of them.
  const attachments = (item) => attached.get(item) ?? [];
  function of(item) {
    keep();
    if (apart.has(item)) return {};
    const parts = item.path.split("/");
    const above = parts.map((_, i) => parts.slice(0, i).join("/"));
    return Object.assign({}, ...above.map((folder) => typed.get(folder) ?? {}), held?.get(item) ?? {});
  }

  return { folders, check, of, attachments, isTable: (f) => file && f.name === file.name && f.size === file.size };
}
