// The library's comforts: dropping a picture anywhere to look for it, how many are ticked, ticking a whole page.
"use strict";

const finder = document.querySelector("form[data-drop]");
if (finder) {
  const input = finder.querySelector("input[type=file]");
  const carries = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragover", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    finder.closest("details").open = true;
    finder.classList.add("over");
  });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) finder.classList.remove("over"); });
  addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    finder.classList.remove("over");
    input.files = event.dataTransfer.files;
    if (input.files.length) finder.requestSubmit();
  });
}

const choose = document.getElementById("choose");
if (choose) {
  const ticks = [...choose.querySelectorAll(".tick input")];
  const count = document.getElementById("count");
  const hint = count.textContent;
  const told = () => {
    const n = ticks.filter((tick) => tick.checked).length;
    count.textContent = n ? count.dataset.words.replace("{n}", n) : hint;
  };
  const all = document.getElementById("toggle");
  all.hidden = false;
  all.addEventListener("click", () => {
    const on = ticks.some((tick) => !tick.checked);
    for (const tick of ticks) tick.checked = on;
    told();
  });
  choose.addEventListener("change", told);
  // A browser that goes back restores what was ticked.
  addEventListener("pageshow", told);
}
