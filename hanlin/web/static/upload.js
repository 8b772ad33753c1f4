// Files travel in pieces of 4 MiB and go on after a break. Without this file a form carries one file by itself.
"use strict";

{
  const PIECE_BYTES = 4 * 1024 * 1024;
  const LONGEST_WAIT_SECONDS = 30;
  const own = () => JSON.parse(document.body.getAttribute("hx-headers"));
  const pause = (seconds) => new Promise((done) => { setTimeout(done, seconds * 1000); });
  const size = (bytes) => new Intl.NumberFormat(document.documentElement.lang, {
    style: "unit", unit: bytes < 1e6 ? "kilobyte" : "megabyte", maximumFractionDigits: bytes < 1e7 && bytes >= 1e6 ? 1 : 0,
  }).format(bytes < 1e6 ? bytes / 1000 : bytes / 1e6);

  class Refused extends Error {}

  // One request; `undefined` when the network broke, so that it is tried again.
  const send = (method, path, { body, offset, progress, signal } = {}) => new Promise((done, fail) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    request.responseType = "json";
    for (const [name, value] of Object.entries(own())) request.setRequestHeader(name, value);
    if (offset !== undefined) request.setRequestHeader("Upload-Offset", String(offset));
    if (body instanceof Blob) request.setRequestHeader("Content-Type", "application/octet-stream");
    if (progress) request.upload.addEventListener("progress", (event) => progress(event.loaded));
    const stop = () => request.abort();
    signal?.addEventListener("abort", stop);
    request.addEventListener("loadend", () => {
      signal?.removeEventListener("abort", stop);
      if (signal?.aborted) fail(signal.reason);
      else if (request.status === 0 || request.status > 500 || request.response?.again) done(undefined);
      else if (request.status >= 400 && method !== "HEAD") fail(new Refused(request.response?.problem ?? ""));
      else done(request);
    });
    request.send(body);
  });

  class Arrival {
    constructor(file, list, changed) {
      this.file = file;
      this.list = list;
      this.changed = changed;
      this.key = `hanlin-upload:${file.name}:${file.size}:${file.lastModified}`;
      this.id = sessionStorage.getItem(this.key) ?? "";
      this.result = "";
      this.over = false;
      this.row = document.createElement("li");
      this.name = document.createElement("strong");
      this.name.textContent = file.name;
      this.bar = document.createElement("progress");
      this.bar.max = Math.max(1, file.size);
      this.bar.value = 0;
      this.bar.setAttribute("aria-label", file.name);
      this.said = document.createElement("span");
      this.again = this.button(list.dataset.again, () => this.run());
      this.cancel = this.button(list.dataset.cancel, () => this.drop());
      this.row.append(this.name, this.bar, this.said, this.again, this.cancel);
      list.append(this.row);
      this.say("queued", list.dataset.queued);
    }

    button(word, act) {
      const made = document.createElement("button");
      made.type = "button";
      made.className = "button slight";
      made.textContent = word;
      made.setAttribute("aria-label", `${word}: ${this.file.name}`);
      made.addEventListener("click", act);
      return made;
    }

    say(state, word) {
      this.row.dataset.state = state;
      this.said.textContent = word;
      this.again.hidden = state !== "failed";
      this.bar.hidden = state === "failed" || state === "ready";
    }

    show(bytes) {
      this.bar.value = bytes;
      const { sent } = this.list.dataset;
      this.say("coming", sent.replace("{done}", size(bytes)).replace("{total}", size(this.file.size)));
    }

    async run() {
      this.over = false;
      this.stopping = new AbortController();
      this.show(0);
      try {
        await this.begin();
        await this.carry();
        this.say("checking", this.list.dataset.checking);
        const finished = await this.patiently(() => send("POST", `/uploads/${this.id}/finish`, { signal: this.stopping.signal }));
        this.result = finished.response.file;
        this.say("ready", this.list.dataset.ready);
      } catch (error) {
        if (this.stopping.signal.aborted) return;
        this.over = true;
        this.id = "";
        this.say("failed", error instanceof Refused && error.message ? error.message : this.list.dataset.failed);
      }
      sessionStorage.removeItem(this.key);
      this.changed();
    }

    async begin() {
      if (this.id && (await this.reached()) !== undefined) return;
      const body = new URLSearchParams({ name: this.file.name, size: String(this.file.size) });
      const begun = await this.patiently(() => send("POST", "/uploads", { body, signal: this.stopping.signal }));
      this.id = begun.response.id;
      sessionStorage.setItem(this.key, this.id);
    }

    // How far the server has it; undefined when it knows nothing of it any more.
    async reached() {
      const asked = await this.patiently(() => send("HEAD", `/uploads/${this.id}`, { signal: this.stopping.signal }));
      return asked.status < 300 ? Number(asked.getResponseHeader("Upload-Offset")) : undefined;
    }

    async carry() {
      let offset = await this.reached();
      while (offset < this.file.size) {
        const from = offset;
        const sent = await send("PATCH", `/uploads/${this.id}`, {
          body: this.file.slice(from, from + PIECE_BYTES),
          offset: from,
          progress: (bytes) => this.show(from + bytes),
          signal: this.stopping.signal,
        });
        if (sent) {
          offset = Number(sent.response.offset);
          this.wait = 1;
        } else {
          await this.rest();
          offset = await this.reached();
        }
        if (offset === undefined) throw new Refused("");
        this.show(offset);
      }
    }

    async patiently(act) {
      for (;;) {
        const answer = await act();
        if (answer) return answer;
        await this.rest();
      }
    }

    // Twice as long each time, and at once when the browser says that the network is back.
    async rest() {
      this.say("waiting", this.list.dataset.waiting);
      this.wait = Math.min((this.wait ?? 0.5) * 2, LONGEST_WAIT_SECONDS);
      await Promise.race([pause(this.wait), new Promise((done) => { addEventListener("online", done, { once: true }); })]);
      if (this.stopping.signal.aborted) throw this.stopping.signal.reason;
    }

    drop() {
      this.stopping.abort();
      this.gone = true;
      sessionStorage.removeItem(this.key);
      if (this.id && !this.result) send("DELETE", `/uploads/${this.id}`).catch(() => {});
      this.row.remove();
      this.changed();
    }
  }

  const furnishForm = (form) => {
    const zone = form.querySelector(".drop");
    const input = zone.querySelector("input");
    const list = form.querySelector("[data-arriving]");
    const button = form.querySelector("button:not([type=button])");
    const word = button.textContent;
    let arrivals = [];
    let wanted = form.hasAttribute("data-now");

    const go = () => {
      for (const one of arrivals.filter((each) => each.result)) {
        form.append(Object.assign(document.createElement("input"), { type: "hidden", name: "file", value: one.result }));
      }
      form.enctype = "application/x-www-form-urlencoded";
      button.disabled = true;
      form.submit();
    };
    const changed = () => {
      arrivals = arrivals.filter((each) => !each.gone);
      list.hidden = arrivals.length === 0;
      const waiting = arrivals.some((each) => !each.result && !each.over);
      if (wanted && waiting && !form.hasAttribute("data-now")) button.textContent = list.dataset.sending;
      if (waiting || !wanted) return;
      button.textContent = word;
      button.disabled = false;
      if (arrivals.length > 0 && arrivals.every((each) => each.result)) go();
      else wanted = form.hasAttribute("data-now");
    };
    const take = async (files) => {
      const fresh = [...files].slice(0, input.multiple ? 50 : 1).map((file) => new Arrival(file, list, changed));
      if (!input.multiple) for (const old of arrivals) old.drop();
      arrivals.push(...fresh);
      changed();
      for (const one of fresh) if (!one.gone) await one.run(); // one after another: all of them share the line
    };
    const over = (event, is) => { event.preventDefault(); zone.classList.toggle("over", is); };

    input.multiple = !form.hasAttribute("data-one");
    input.required = false;
    input.removeAttribute("name");
    input.classList.add("unseen");
    input.addEventListener("change", () => { take(input.files); input.value = ""; });
    zone.addEventListener("dragover", (event) => over(event, true));
    zone.addEventListener("dragleave", (event) => over(event, false));
    zone.addEventListener("drop", (event) => { over(event, false); take(event.dataTransfer.files); });
    if (form.hasAttribute("data-now")) button.hidden = true;
    form.addEventListener("submit", (event) => {
      if (arrivals.length === 0 && form.hasAttribute("data-optional")) return;
      event.preventDefault();
      wanted = true;
      button.disabled = arrivals.length > 0;
      if (arrivals.length === 0) input.click();
      changed();
    });
  };

  for (const form of document.querySelectorAll("form[data-upload]")) furnishForm(form);
}
