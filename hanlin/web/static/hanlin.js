// Everything works without this file; it adds keys, copying, scrolling and the small courtesies of a chat.
"use strict";

const find = (selector, within = document) => within.querySelector(selector);
const composer = find("[data-composer]");
const text = composer && find("textarea", composer);
const search = find("[data-search]");
const thread = find("#thread");
const latest = find("[data-latest]");
const waiting = () => find(".is-pending") !== null;

document.cookie = `hanlin-zone=${encodeURIComponent(Intl.DateTimeFormat().resolvedOptions().timeZone)};path=/;max-age=31536000;samesite=lax`;

// Composer: Enter sends (never while an input method is composing), the box grows, Up edits the last question.

const grow = () => {
  if (CSS.supports("field-sizing", "content")) return;
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight}px`;
};

const editLast = () => {
  const last = [...document.querySelectorAll("[data-edit]")].pop();
  if (!last) return false;
  last.parentElement.open = true;
  const box = find("[data-edit-text]", last.parentElement);
  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
  return true;
};

const sendOnEnter = (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
  event.preventDefault();
  if (!waiting() && event.target.value.trim()) event.target.form.requestSubmit();
};

text?.addEventListener("input", grow);
text?.addEventListener("keydown", (event) => {
  sendOnEnter(event);
  if (event.key === "ArrowUp" && !text.value && editLast()) event.preventDefault();
});

composer?.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt !== composer || !event.detail.successful) return;
  composer.reset();
  grow();
  find("#notice").replaceChildren();
  toBottom();
});

find("[data-service]")?.addEventListener("change", (event) => {
  find("#duty").textContent = event.target.selectedOptions[0].dataset.duty;
});

// Keys that work anywhere.

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  const slash = event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (search && (slash || (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)))) {
    event.preventDefault();
    const side = find("#side");
    if (getComputedStyle(side).display === "none") side.showPopover();
    search.focus();
    search.select();
  } else if (event.key === "Escape") {
    for (const open of document.querySelectorAll("details.menu[open], .question details[open]")) open.open = false;
    if (event.target === search) text?.focus();
    else find("form#stop")?.requestSubmit();
  } else if (event.target.matches?.("[data-edit-text]")) sendOnEnter(event);
});

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.menu[open]")) if (!open.contains(event.target)) open.open = false;
});

// Scrolling: stay at the end while an answer grows, unless the reader has gone up.

const page = document.scrollingElement;
const atBottom = () => page.scrollHeight - page.scrollTop - innerHeight < 96;
const toBottom = () => page.scrollTo({ top: page.scrollHeight });
let pinned = true;

addEventListener("scroll", () => {
  pinned = atBottom();
  if (latest) latest.hidden = pinned;
}, { passive: true });
latest?.addEventListener("click", toBottom);
if (thread) {
  new ResizeObserver(() => pinned && toBottom()).observe(thread);
  toBottom();
}

// Copying: an answer takes its label along, so that what is pasted elsewhere still says where it came from.

const copy = async (button, content) => {
  await navigator.clipboard.writeText(content);
  const before = button.getAttribute("aria-label");
  button.setAttribute("aria-label", document.body.dataset.copied);
  button.title = document.body.dataset.copied;
  button.classList.add("copied");
  setTimeout(() => {
    button.setAttribute("aria-label", before);
    button.title = before;
    button.classList.remove("copied");
  }, 1600);
};

const copyButton = (content) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "tool copy";
  button.textContent = document.body.dataset.copy;
  button.setAttribute("aria-label", document.body.dataset.copy);
  button.addEventListener("click", () => copy(button, content()));
  return button;
};

const furnish = (root) => {
  for (const block of root.querySelectorAll("[data-answer] pre")) {
    const code = find("code", block) ?? block;
    if (!find(".copy", block)) block.append(copyButton(() => code.textContent));
  }
  for (const block of root.querySelectorAll("[data-copy-text]:not(:has(+ .copy))")) {
    block.after(copyButton(() => block.textContent));
  }
  for (const button of root.querySelectorAll("[data-copy-answer]")) {
    button.hidden = !navigator.clipboard;
    button.onclick = () => {
      const answer = button.closest("article");
      const written = find(".prose", answer).cloneNode(true);
      for (const extra of written.querySelectorAll(".copy")) extra.remove();
      find(".prose", answer).after(written);
      const said = written.innerText.trim();
      written.remove();
      copy(button, `${said}\n\n${find("[data-label]", answer).textContent}`);
    };
  }
  for (const spare of root.querySelectorAll("[data-fallback]")) spare.hidden = true;
};

if (navigator.clipboard) furnish(document);
document.addEventListener("htmx:load", (event) => navigator.clipboard && furnish(event.target.parentElement ?? document));
document.addEventListener("change", (event) => event.target.matches("[data-submit]") && event.target.form.requestSubmit());

// A file may be dropped where one may be chosen, and sending says that it works.

for (const zone of document.querySelectorAll("[data-drop]")) {
  const input = find("input", zone);
  const show = () => { find("[data-chosen]", zone).textContent = input.files[0]?.name ?? ""; };
  const over = (event, is) => { event.preventDefault(); zone.classList.toggle("over", is); };
  zone.addEventListener("dragover", (event) => over(event, true));
  zone.addEventListener("dragleave", (event) => over(event, false));
  zone.addEventListener("drop", (event) => {
    over(event, false);
    if (event.dataTransfer.files.length) input.files = event.dataTransfer.files;
    show();
  });
  input.classList.add("unseen");
  input.addEventListener("change", show);
  zone.closest("form").addEventListener("submit", (event) => {
    const button = find("button", event.target);
    button.disabled = true;
    button.textContent = button.dataset.busy;
  });
}

// A server out of reach says so in words.

document.addEventListener("htmx:sendError", () => { find("#notice").textContent = document.body.dataset.offline; });
