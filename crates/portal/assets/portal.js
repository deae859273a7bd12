// The portal's script. Everything here is a comfort: without it each page reads, uploads and downloads as before.
"use strict";

// Copy buttons appear only where there is a clipboard.
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => navigator.clipboard.writeText(button.dataset.copy));
  }
}

// A part of a form that belongs to one choice: data-shown-by="name=value".
for (const part of document.querySelectorAll("[data-shown-by]")) {
  const [name, value] = part.dataset.shownBy.split("=");
  const inputs = document.querySelectorAll(`input[name="${name}"]`);
  const follow = () => { part.hidden = ![...inputs].some((i) => i.checked && i.value === value); };
  for (const input of inputs) input.addEventListener("change", follow);
  follow();
}

// Live steps of a capture, by server-sent events.
const live = document.querySelector("[data-live]");
if (live && window.EventSource) {
  const source = new EventSource(live.dataset.live);
  const place = document.getElementById("place");
  source.addEventListener("step", (event) => {
    const { steps } = JSON.parse(event.data);
    if (place && steps.length) place.hidden = true;
    for (const row of live.children) {
      const at = steps.indexOf(row.dataset.step);
      const now = at >= 0 && at === steps.length - 1;
      row.className = now ? "now" : at >= 0 ? "done" : "";
      const mark = row.querySelector("svg");
      mark.setAttribute("class", `mk ${now ? "go" : at >= 0 ? "ok" : "todo"}`);
      mark.querySelector("use").setAttribute("href", now ? "#i-go" : at >= 0 ? "#i-ok" : "#i-todo");
    }
  });
  source.addEventListener("end", () => { source.close(); location.reload(); });
}
