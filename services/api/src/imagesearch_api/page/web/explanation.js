// Why two pictures are alike: heat over both, where their similarity comes from. Asked for on demand.

import { call } from "./api.js";
import { button, fill, h } from "./dom.js";
import { TEXT } from "./strings.js";
import { WHY } from "./strings_why.js";

/** What was searched by: an indexed picture, or one that people gave.
 * @typedef {{image?: number, picture?: Blob}} Side */
/** @typedef {{cells: number[][], common: number, frame: number[], overlay: string}} Heat */
/** @typedef {{similarity: number, mean_of: number, a: Heat, b: Heat}} Regions */

export class Explanation {
  /**
   * @param {Side} query
   * @param {number} image that was found by it
   * @param {string} collection
   * @param {() => void} changed is told when there is something else to lay over the pictures
   */
  constructor(query, image, collection, changed) {
    this.query = query;
    this.image = image;
    this.collection = collection;
    this.changed = changed;
    /** @type {Regions | null} */
    this.regions = null;
    this.isShown = false;
    this.switch = button(WHY.ask, () => this.turn());
    this.switch.setAttribute("aria-pressed", "false");
    this.said = h("p", { role: "status" });
    this.element = h("div", { class: "why" }, this.switch, this.said);
  }

  async turn() {
    this.isShown = !this.isShown;
    this.switch.setAttribute("aria-pressed", String(this.isShown));
    this.tell();
    if (this.isShown && !this.regions) await this.load();
    this.changed();
  }

  async load() {
    try {
      this.regions = (await call("POST", "compare", this.body())).regions;
    } catch (error) {
      this.isShown = false;
      this.switch.setAttribute("aria-pressed", "false");
      fill(this.said, `${WHY.failed} ${error instanceof Error ? error.message : String(error)}`);
      return;
    }
    this.tell();
  }

  /** @returns {{json?: unknown, form?: FormData}} */
  body() {
    const { query, image, collection } = this;
    if (!query.picture) {
      return { json: { a: { image_id: query.image }, b: { image_id: image }, collection, explain: "regions" } };
    }
    const form = new FormData();
    form.append("a", query.picture);
    form.append("b", String(image));
    form.append("collection", collection);
    form.append("explain", "regions");
    return { form };
  }

  tell() {
    const { regions } = this;
    if (!this.isShown) fill(this.said);
    else if (!regions) fill(this.said, TEXT.loading);
    else fill(this.said, WHY.places(placeOf(regions.a), placeOf(regions.b)), " ", WHY.mean(regions.mean_of));
  }

  /**
   * Lay the heat over the two pictures that lie above each other, or take it away.
   * @param {Element} stage
   */
  lay(stage) {
    for (const heat of stage.querySelectorAll(".heat")) heat.remove();
    const slider = stage.querySelector("input");
    const [below, above] = stage.querySelectorAll(".swipe .whole");
    if (!this.isShown || !this.regions || !slider || !above) return;
    below.after(h("img", { src: this.regions.b.overlay, alt: "", class: "whole heat" }));
    above.after(h("img", { src: this.regions.a.overlay, alt: "", class: "whole heat over" }));
    slider.dispatchEvent(new Event("input"));
  }
}

/**
 * Say in words where the heat of a picture is; null where there is none.
 * @param {Heat} heat
 */
function placeOf({ cells, frame }) {
  let sum = 0;
  let across = 0;
  let down = 0;
  cells.forEach((row, y) =>
    row.forEach((cell, x) => {
      const warm = Math.max(0, cell);
      sum += warm;
      across += warm * (frame[0] + ((x + 0.5) / row.length) * (frame[2] - frame[0]));
      down += warm * (frame[1] + ((y + 0.5) / cells.length) * (frame[3] - frame[1]));
    }),
  );
  if (!sum) return null;
  const third = (/** @type {number} */ at) => Math.min(2, Math.max(0, Math.floor((at / sum) * 3)));
  return WHY.names[third(down)][third(across)];
}
