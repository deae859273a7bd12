// What was dropped, sorted: the evidence, the files in question, the trust folder. Native counterpart: `verify::given`.

const MAX_ARTEFACT = 256 << 20, MAX_FILES = 4096, MAX_TRUST = 1 << 20;

const isTrust = (name) => /^(policy|roles\.json|(tsa-|signer-|web-).*\.pem)$/s.test(name);
const folderOf = (item) => item.path.slice(0, item.path.length - item.name.length);

// Items of a file input, or of a drop with its folders: [{file, name, path}].
const fromInput = (input) => [...input.files].map((file) => ({ file, name: file.name, path: file.webkitRelativePath || file.name }));

// A drop's folders are walked by handle where there are handles: Chromium reads no entry's file under file:.
async function fromDrop(transfer) {
  const dropped = [...transfer.items].filter((item) => item.kind === "file").map((item) => {
    const entry = item.webkitGetAsEntry?.();
    if (!entry?.isDirectory) return { file: item.getAsFile() };
    return { entry, handle: item.getAsFileSystemHandle?.().catch(() => null) };
  });
  const found = [];
  const take = (file, path) => found.push({ file, name: file.name, path });
  const walk = async (folder, path, depth) => {
    for await (const inside of folder) {
      if (found.length > MAX_FILES) return;
      if (inside.file) take(await inside.file(), `${path}/${inside.name}`);
      else if (depth < 4) await walk(inside.folder(), `${path}/${inside.name}`, depth + 1);
    }
  };
  for (const { file, entry, handle } of dropped) {
    const opened = await handle;
    if (file) take(file, file.name);
    else await walk(opened ? byHandle(opened) : byEntry(entry), entry.name, 0);
  }
  return found;
}

// What lies in a folder: {name, file(): a promise} or {name, folder()}.
async function* byHandle(folder) {
  for await (const inside of folder.values()) {
    yield inside.kind === "file" ? { name: inside.name, file: () => inside.getFile() } : { name: inside.name, folder: () => byHandle(inside) };
  }
}

async function* byEntry(folder) {
  const reader = folder.createReader();
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return;
    for (const inside of batch) {
      const { name } = inside;
      yield inside.isFile ? { name, file: () => new Promise((resolve, reject) => inside.file(resolve, reject)) } : { name, folder: () => byEntry(inside) };
    }
  }
}

// By the leading bytes: "package", "zip" (another one), "pdf", "" (anything else).
async function shapeOf({ file }) {
  const head = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  const text = String.fromCharCode(...head);
  if (text.startsWith("%PDF-")) return "pdf";
  if (!text.startsWith("PK\x03\x04")) return "";
  return text.startsWith("package.json", 30) ? "package" : "zip";
}

// Takes the trust folder out of what was given: files of its names that lie loose, or the folder nearest to the top that
// holds some. What else lies in that folder is nobody's business, unless the evidence lies there too.
function splitTrust(items) {
  const trusting = items.filter((item) => isTrust(item.name));
  const depth = (folder) => folder.split("/").length;
  const folders = [...new Set(trusting.map(folderOf))].sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1));
  if (!folders.length) return { trust: [], folder: null, rest: items };
  const trust = trusting.filter((item) => folderOf(item) === folders[0]);
  const evidence = (folder) => folder === "" || items.some((item) => folderOf(item) === folder && /\.(pdf|zip)$/i.test(item.name));
  const rest = items.filter((item) => !isTrust(item.name) && (!folders.includes(folderOf(item)) || evidence(folderOf(item))));
  return { trust, folder: folders[0].replace(/\/$/, ""), rest };
}

// Extracted entries: a folder with statement and record.
function extracted(items) {
  const at = items.find((item) => item.name === "record.json" && items.some((other) => other.path === folderOf(item) + "statement.json"));
  if (!at || folderOf(at) === "") return null;
  const inside = items.filter((item) => folderOf(item) === folderOf(at));
  return { entries: inside.filter((item) => item.name !== "ORIGINAL"), rest: items.filter((item) => !inside.includes(item)) };
}

// Which of the files is the evidence; `taken`: there is some already, and only a better one takes its place.
// {artefact: [items], folder, aside: [other evidence], originals}
async function sortEvidence(items, taken, isCertificate) {
  const folder = extracted(items);
  if (folder) return { artefact: folder.entries, folder: true, aside: [], originals: folder.rest };
  const shapes = new Map(await Promise.all(items.map(async (item) => [item, await shapeOf(item)])));
  const of = (shape) => items.filter((item) => shapes.get(item) === shape);
  const packages = of("package"), pdfs = of("pdf").filter((item) => item.file.size <= MAX_ARTEFACT);
  const certificates = [];
  if (packages.length || pdfs.length > 1 || taken) {
    for (const item of pdfs) if (await isCertificate(item)) certificates.push(item);
  }
  let found = [...packages, ...certificates];
  if (!found.length && !taken) {
    const broken = (item) => /\.(zip|pdf)$/i.test(item.name) && shapes.get(item) !== "pdf";
    found = [pdfs[0] || items.find(broken)].filter(Boolean);
  }
  const [artefact, ...aside] = found;
  return { artefact: artefact ? [artefact] : [], folder: false, aside, originals: items.filter((item) => !found.includes(item)) };
}
