// One group of pictures that are alike: which are kept is suggested, and people decide.

import { button, fill, h } from "./dom.js";
import { distance, nameOf, size, TEXT } from "./strings.js";
import { thumbnail } from "./thumbnail.js";

/** @typedef {{id: number, path: string, distance: number, bytes: number | null, width: number | null,
 *   height: number | null, partition: string, sha256: string | null}} Duplicate */
/** @typedef {{id: number, kind: "exact" | "near", images: Duplicate[]}} Group */

const ACROSS = 200;

/**
 * Return the picture that is best kept: the one of most pixels, then of most bytes, then the oldest.
 * @param {Duplicate[]} images
 */
export function best(images) {
  const pixels = (/** @type {Duplicate} */ one) => (one.width ?? 0) * (one.height ?? 0);
  return [...images].sort(
    (one, other) => pixels(other) - pixels(one) || (other.bytes ?? 0) - (one.bytes ?? 0) || one.id - other.id,
  )[0];
}

export class DuplicateGroup {
  /**
   * @param {Group} group
   * @param {(ids: number[]) => void} resolve is told which pictures to delete
   */
  constructor(group, resolve) {
    this.images = group.images;
    this.isExact = group.kind === "exact";
    this.resolve = resolve;
    this.suggested = best(this.images).id;
    this.kept = new Set([this.suggested]);
    this.pictures = h("div", { class: "duplicates" });
    this.acts = h("div", { class: "row" });
    const kind = this.isExact ? TEXT.duplicates.exact : TEXT.duplicates.near;
    const title = TEXT.duplicates.group(kind, this.images.length);
    this.element = h("li", { class: "card" }, h("h2", {}, title), this.pictures, this.acts);
    this.buttons = this.images.map((image, index) => this.picture(image, index));
    fill(this.pictures, this.buttons);
    this.main = button("", () => this.resolve(this.going()), { kind: "is-danger" });
    fill(this.acts, this.main, button(TEXT.duplicates.leave, () => this.resolve([])));
    this.say();
  }

  /**
   * @param {Duplicate} image
   * @param {number} index
   */
  picture(image, index) {
    const facts = `${image.width ?? "?"} × ${image.height ?? "?"}, ${size(image.bytes)} · ${distance(image.distance)}`;
    return h(
      "button",
      { type: "button", class: "duplicate", onclick: () => this.toggle(index), title: image.path },
      thumbnail(image.id, ACROSS, "", image.sha256),
      h("span", { class: "verdict" }),
      h("span", { class: "path" }, nameOf(image.path)),
      h("span", { class: "quiet" }, facts),
    );
  }

  /** @param {number} index */
  toggle(index) {
    const { id } = this.images[index];
    if (!this.kept.delete(id)) this.kept.add(id);
    this.say();
  }

  going() {
    return this.images.filter((image) => !this.kept.has(image.id)).map((image) => image.id);
  }

  say() {
    const { duplicates } = TEXT;
    for (const [index, image] of this.images.entries()) {
      const isKept = this.kept.has(image.id);
      const element = this.buttons[index];
      element.setAttribute("aria-pressed", String(isKept));
      element.setAttribute("aria-label", duplicates.picture(nameOf(image.path), isKept));
      const hint = image.id === this.suggested ? ` (${duplicates.suggested})` : "";
      element.querySelector(".verdict").textContent = `${index + 1} ${isKept ? duplicates.keep : duplicates.remove}${hint}`;
    }
    const going = this.going().length;
    this.main.textContent = duplicates.resolve(going);
    // Without one that is kept the picture itself would be lost.
    this.main.disabled = going === 0 || going === this.images.length;
  }

  focus() {
    this.buttons[0].focus();
  }

  /**
   * @param {KeyboardEvent} event
   * @returns {boolean} whether the key meant something
   */
  onKey(event) {
    const number = Number(event.key);
    if (number >= 1 && number <= this.images.length) this.toggle(number - 1);
    else if (event.key === "s") this.resolve([]);
    else if (event.key === "Enter" && this.buttons.includes(event.target) && !this.main.disabled) this.resolve(this.going());
    else return false;
    return true;
  }
}
