// The module in workers. A worker that fails, takes too long or holds much memory is ended, and its memory with it.

const BYTES_A_MS = 4000, PATIENCE_MS = 20000;
let compiled, spare = null;

// Base64 of the compressed module, so that one file is the whole verifier and nothing has to be fetched.
async function compile() {
  const packed = Uint8Array.from(atob(document.getElementById("module").textContent), (c) => c.charCodeAt(0));
  return WebAssembly.compile(unpack(packed));
}

function fresh() {
  const url = URL.createObjectURL(new Blob([document.getElementById("worker").textContent], { type: "text/javascript" }));
  const worker = new Worker(url);
  URL.revokeObjectURL(url);
  compiled.then((module) => worker.postMessage({ module }), () => {});
  return worker;
}

const canRun = () => typeof WebAssembly === "object" && typeof Worker === "function";

function startWorkers() {
  if (!compiled) compiled = compile();
  if (!spare) spare = fresh();
  return compiled;
}

// One job; `bytes`: how much there is to look at, by which it may take longer. Digesting ends where the file does, so it may go
// on as long as it gets on. Rejects with "stopped", "unreadable", "slow"
// or "ended" (by `signal`).
function run(job, bytes, { progress, signal } = {}) {
  startWorkers().catch(() => {});
  const worker = spare;
  spare = null;
  return new Promise((resolve, reject) => {
    const patience = PATIENCE_MS + (job.job === "hash" ? 0 : bytes / BYTES_A_MS);
    const wait = () => setTimeout(() => end("slow"), patience);
    let limit = wait();
    const ended = () => end("ended");
    const over = () => {
      clearTimeout(limit);
      signal?.removeEventListener("abort", ended);
    };
    const end = (why) => {
      over();
      worker.terminate();
      if (!spare) spare = fresh();
      reject(new Error(why));
    };
    signal?.addEventListener("abort", ended);
    worker.onerror = () => end("stopped");
    worker.onmessage = ({ data }) => {
      if ("progress" in data) {
        if (job.job === "hash") {
          clearTimeout(limit);
          limit = wait();
        }
        return progress?.(data.progress);
      }
      if (data.failed) return end(data.failed);
      over();
      if (data.spent || spare) worker.terminate();
      else spare = worker;
      if (!spare) spare = fresh();
      resolve(data.done);
    };
    worker.postMessage(job);
  });
}
