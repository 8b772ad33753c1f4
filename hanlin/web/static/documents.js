// Enter asks, a form that takes a while says so, and the cited sentence comes into sight. All works without this file.
"use strict";

document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("[data-enter]") || event.key !== "Enter" || event.shiftKey) return;
  if (event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  if (event.target.value.trim()) event.target.form.requestSubmit();
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-waits]")) return;
  const button = event.target.querySelector("button[data-busy]");
  button.dataset.word = button.textContent;
  button.textContent = button.dataset.busy;
  button.disabled = true;
});

// The browser's Back shows the page as it was left: the button must work again.
addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("button[data-word]")) {
    button.textContent = button.dataset.word;
    button.disabled = false;
  }
});

document.querySelector(".tabs [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
(document.querySelector("#mark") ?? document.querySelector("#cited"))?.scrollIntoView({ block: "center" });
