// Send many pictures, a few at a time, and say how far each is.

import { collectionPath, send, wasGivenUp } from "./api.js";
import { button, fill, h } from "./dom.js";
import { whyNot } from "./pictures.js";
import { TEXT } from "./strings.js";

/** How many are sent at once: the API has places for others too. */
const AT_ONCE = 3;
/** How many refused ones are named. */
const NAMED = 100;

export class Uploads {
  constructor() {
    /** Is called when nothing is left to send. */
    this.done = () => {};
    /** @type {{file: File, collection: string, partition: string}[]} */
    this.queue = [];
    this.all = 0;
    this.sent = 0;
    this.failed = 0;
    this.active = 0;
    this.abort = new AbortController();
    // Whoever closes the page while pictures are being sent is asked whether they mean it.
    addEventListener("beforeunload", (event) => this.active && event.preventDefault());
    this.said = h("p", { role: "status" });
    this.whole = h("progress", { max: 1, value: 0, "aria-label": TEXT.uploads.heading });
    this.rows = h("ul", { class: "upload-rows", role: "list" });
    this.stop = button(TEXT.uploads.stop, () => this.giveUp());
    this.element = h(
      "section",
      { class: "card", "aria-label": TEXT.uploads.heading, hidden: true },
      h("div", { class: "heading" }, this.said, this.stop),
      this.whole,
      this.rows,
    );
  }

  /**
   * @param {File[]} files
   * @param {string} collection
   * @param {string} partition
   */
  add(files, collection, partition) {
    if (!this.active && !this.queue.length) this.reset();
    this.element.hidden = false;
    this.all += files.length;
    for (const file of files) {
      const reason = whyNot(file);
      if (reason) this.refuse(file.name, reason);
      else this.queue.push({ file, collection, partition });
    }
    while (this.active < AT_ONCE && this.queue.length) this.work();
    this.say();
  }

  reset() {
    this.all = this.sent = this.failed = 0;
    this.abort = new AbortController();
    fill(this.rows);
  }

  async work() {
    this.active += 1;
    for (let next = this.queue.shift(); next; next = this.queue.shift()) {
      await this.sendOne(next);
      this.say();
    }
    this.active -= 1;
    this.say();
    if (!this.active) this.done();
  }

  /** @param {{file: File, collection: string, partition: string}} one */
  async sendOne({ file, collection, partition }) {
    const bar = h("progress", { max: 1, value: 0, "aria-label": TEXT.uploads.each(file.name) });
    const row = h("li", { class: "upload-row" }, h("span", { class: "path" }, file.name), bar);
    this.rows.prepend(row);
    const form = new FormData();
    form.append("image", file);
    if (partition) form.append("partition", partition);
    try {
      await send(`${collectionPath(collection)}/images`, form, (part) => (bar.value = part), this.abort.signal);
      this.sent += 1;
    } catch (error) {
      if (!wasGivenUp(error)) this.refuse(file.name, error instanceof Error ? error.message : String(error));
    }
    row.remove();
  }

  /**
   * @param {string} name
   * @param {string} reason
   */
  refuse(name, reason) {
    this.failed += 1;
    if (this.failed > NAMED) return;
    this.rows.append(h("li", { class: "upload-row" }, h("span", { class: "path" }, name), h("span", { class: "error" }, reason)));
  }

  giveUp() {
    const isOver = !this.active;
    this.all -= this.queue.length;
    this.queue = [];
    this.abort.abort();
    if (isOver) this.element.hidden = true;
  }

  say() {
    const isOver = !this.active;
    this.whole.value = this.all ? (this.sent + this.failed) / this.all : 1;
    this.said.textContent = TEXT.uploads.progress(this.sent, this.all, this.failed);
    this.stop.textContent = isOver ? TEXT.uploads.dismiss : TEXT.uploads.stop;
  }
}

/**
 * Return the files of something dropped, those in folders as well.
 * @param {DataTransfer} transfer
 * @returns {Promise<File[]>}
 */
export async function allFiles(transfer) {
  // Entries have to be taken before anything is waited for: afterwards the browser has emptied the transfer.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null);
  const files = [...transfer.files];
  if (!entries.some((entry) => entry?.isDirectory)) return files;
  const found = await Promise.all(entries.map((entry) => (entry ? filesIn(entry) : [])));
  return found.flat();
}

/**
 * @param {FileSystemEntry} entry
 * @returns {Promise<File[]>}
 */
async function filesIn(entry) {
  if (entry.name.startsWith(".")) return [];
  if (entry.isFile) {
    return [await new Promise((resolve, reject) => /** @type {FileSystemFileEntry} */ (entry).file(resolve, reject))];
  }
  const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
  const found = [];
  for (;;) {
    /** @type {FileSystemEntry[]} */
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) return found;
    for (const one of part) found.push(...(await filesIn(one)));
  }
}
