// Everything works without this. With it: what is newer is announced, and whole ids are copied.
"use strict";

const counted = (number, one, many) => `${number} ${number === 1 ? one : many}`;

for (const line of document.querySelectorAll("[data-live]")) {
  const source = new EventSource(line.dataset.live);
  const link = line.querySelector("a");
  source.addEventListener("newer", (event) => {
    const number = Number(event.data);
    link.textContent = counted(number, line.dataset.one, line.dataset.many);
    link.hidden = number === 0;
  });
  addEventListener("pagehide", () => source.close());
}

for (const id of document.querySelectorAll("[data-copy]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "copy";
  button.setAttribute("aria-label", `Copy ${id.dataset.copy}`);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(id.dataset.copy);
    button.textContent = "copied";
    setTimeout(() => { button.textContent = "copy"; }, 1500);
  });
  if (navigator.clipboard) id.after(button);
}

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) button.setAttribute("aria-disabled", "true");
  });
}
