// Choose the part of a picture to search by: a box that is drawn, or moved and sized by keys.

import { button, dialog, h } from "./dom.js";
import { TEXT } from "./strings.js";

/** @typedef {{x: number, y: number, width: number, height: number}} Part in fractions of the picture */

const STEP = 0.02;
const SMALLEST = 0.02;
const WHOLE = 10_000;

/**
 * Write a part as the API takes it: four fractions that together stay within the picture.
 * @param {Part} part
 */
export function boxOf({ x, y, width, height }) {
  const [left, top] = [x, y].map((value) => Math.round(value * WHOLE));
  const [across, down] = [Math.min(Math.round(width * WHOLE), WHOLE - left), Math.min(Math.round(height * WHOLE), WHOLE - top)];
  return [left, top, across, down].map((value) => (value / WHOLE).toFixed(4)).join();
}

/**
 * Read a part as it stands in an address.
 * @param {string} box
 * @returns {Part | null}
 */
export function partOf(box) {
  const [x, y, width, height] = box.split(",").map(Number);
  return [x, y, width, height].every((value) => value >= 0 && value <= 1) ? { x, y, width, height } : null;
}

/**
 * Ask for a part of a picture; null where none was chosen.
 * @param {string} source
 * @param {string} box the part that is chosen already, or nothing
 * @returns {Promise<string | null>}
 */
export function chooseRegion(source, box) {
  return new Promise((resolve) => new Region(source, partOf(box) ?? { x: 0.25, y: 0.25, width: 0.5, height: 0.5 }, resolve));
}

class Region {
  /**
   * @param {string} source
   * @param {Part} part
   * @param {(box: string | null) => void} chosen
   */
  constructor(source, part, chosen) {
    this.part = part;
    /** @type {{x: number, y: number} | null} */
    this.start = null;
    this.frame = h("div", { class: "frame", tabindex: 0, role: "group", "aria-label": TEXT.region.frame });
    const picture = h("img", { src: source, alt: "", draggable: "false" });
    this.stage = h("div", { class: "region" }, picture, this.frame);
    this.stage.addEventListener("pointerdown", (/** @type {PointerEvent} */ event) => this.begin(event));
    this.stage.addEventListener("pointermove", (/** @type {PointerEvent} */ event) => this.draw(event));
    this.stage.addEventListener("pointerup", () => (this.start = null));
    this.frame.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.onKey(event));
    const asked = dialog(
      TEXT.region.title,
      "is-region",
      h("h2", {}, TEXT.region.title),
      h("p", { class: "quiet" }, TEXT.region.hint),
      this.stage,
      h(
        "div",
        { class: "row is-end" },
        button(TEXT.close, () => asked.close()),
        button(TEXT.region.go, () => asked.close(boxOf(this.part)), { kind: "is-main" }),
      ),
    );
    asked.addEventListener("close", () => chosen(asked.returnValue || null));
    this.frame.focus();
    this.show();
  }

  /** @param {PointerEvent} event */
  at(event) {
    const box = this.stage.getBoundingClientRect();
    const within = (/** @type {number} */ value) => Math.min(1, Math.max(0, value));
    return { x: within((event.clientX - box.x) / box.width), y: within((event.clientY - box.y) / box.height) };
  }

  /** @param {PointerEvent} event */
  begin(event) {
    event.preventDefault();
    this.stage.setPointerCapture(event.pointerId);
    this.start = this.at(event);
  }

  /** @param {PointerEvent} event */
  draw(event) {
    if (!this.start) return;
    const { start } = this;
    const end = this.at(event);
    const [width, height] = [Math.abs(end.x - start.x), Math.abs(end.y - start.y)];
    if (width < SMALLEST || height < SMALLEST) return;
    this.part = { x: Math.min(start.x, end.x), y: Math.min(start.y, end.y), width, height };
    this.show();
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const across = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key] ?? 0;
    const down = { ArrowUp: -STEP, ArrowDown: STEP }[event.key] ?? 0;
    if (!across && !down) return;
    event.preventDefault();
    const { x, y, width, height } = this.part;
    const between = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) =>
      Math.min(high, Math.max(low, value));
    this.part = event.shiftKey
      ? { x, y, width: between(width + across, SMALLEST, 1 - x), height: between(height + down, SMALLEST, 1 - y) }
      : { x: between(x + across, 0, 1 - width), y: between(y + down, 0, 1 - height), width, height };
    this.show();
  }

  show() {
    const { x, y, width, height } = this.part;
    const { style } = this.frame;
    [style.left, style.top, style.width, style.height] = [x, y, width, height].map((value) => `${100 * value}%`);
  }
}
