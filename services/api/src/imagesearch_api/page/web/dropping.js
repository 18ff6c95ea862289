// What is dropped anywhere on the page, or pasted.

import { h } from "./dom.js";

export class Dropping {
  /**
   * @param {string} text what happens to it
   * @param {(types: readonly string[]) => boolean} may tells whether such things are taken
   * @param {(transfer: DataTransfer) => boolean} take takes it, or tells that it cannot
   */
  constructor(text, may, take) {
    this.may = may;
    this.take = take;
    this.curtain = h("div", { class: "curtain", hidden: true }, h("p", {}, text));
    document.body.append(this.curtain);
    this.abort = new AbortController();
    const options = { signal: this.abort.signal };
    addEventListener("dragenter", (event) => this.over(event), options);
    addEventListener("dragover", (event) => this.over(event), options);
    addEventListener("dragleave", (event) => event.relatedTarget ?? this.hide(), options);
    addEventListener("drop", (event) => this.drop(event), options);
    document.addEventListener("paste", (event) => this.paste(event), options);
  }

  close() {
    this.abort.abort();
    this.curtain.remove();
  }

  hide() {
    this.curtain.hidden = true;
  }

  /** @param {DragEvent} event */
  over(event) {
    if (!this.may(event.dataTransfer?.types ?? [])) return;
    event.preventDefault();
    this.curtain.hidden = false;
  }

  /** @param {DragEvent} event */
  drop(event) {
    this.hide();
    if (event.dataTransfer && this.take(event.dataTransfer)) event.preventDefault();
  }

  /** @param {ClipboardEvent} event */
  paste(event) {
    const isField = event.target instanceof Element && event.target.matches("input, textarea");
    if (!isField && event.clipboardData && this.take(event.clipboardData)) event.preventDefault();
  }
}
