// A grid of any number of pictures, of which only those near the screen are in the document.

import { h } from "./dom.js";
import { between, justify, ratioOf } from "./justify.js";

/** @typedef {import("./api.js").Image} Image */
/** @typedef {import("./justify.js").Box} Box */

const GAP = 4;
/** How far beyond the screen tiles are made, in screens. */
const AHEAD = 1;
/** How far before its end the next page is asked for, in screens. */
const EARLY = 2;

export class Grid {
  /**
   * @param {string} label
   * @param {(image: Image, box: Box) => HTMLElement} make returns a list item that holds one thing with `data-focus`
   * @param {() => void} more is called when the end comes near
   */
  constructor(label, make, more) {
    this.make = make;
    this.more = more;
    /** @type {Image[]} */
    this.items = [];
    this.isComplete = false;
    /** @type {{boxes: Box[], rows: number[], height: number}} */
    this.layout = { boxes: [], rows: [], height: 0 };
    /** @type {Map<number, HTMLElement>} */
    this.tiles = new Map();
    this.current = 0;
    this.width = 0;
    this.element = h("ul", { class: "grid", role: "list", "aria-label": label });
    this.element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.onKey(event));
    this.element.addEventListener("focusin", (/** @type {FocusEvent} */ event) => this.onFocus(event));
    this.draw = () => this.render();
    this.resizing = new ResizeObserver(() => this.arrange());
    this.resizing.observe(this.element);
    addEventListener("scroll", this.draw, { passive: true });
  }

  /** Take it out of the page. */
  close() {
    this.resizing.disconnect();
    removeEventListener("scroll", this.draw);
    this.element.remove();
  }

  /**
   * Show these pictures; those that were shown before at the same place stay.
   * @param {Image[]} items
   * @param {boolean} isComplete whether there are no others
   */
  show(items, isComplete) {
    const isOther = items[0]?.id !== this.items[0]?.id || items.length < this.items.length;
    this.items = items;
    this.isComplete = isComplete;
    if (isOther) this.clear();
    this.current = Math.min(this.current, Math.max(0, items.length - 1));
    this.width = 0;
    this.arrange();
  }

  clear() {
    for (const tile of this.tiles.values()) tile.remove();
    this.tiles.clear();
  }

  arrange() {
    const width = this.element.clientWidth;
    if (!width || width === this.width) return;
    this.width = width;
    const height = width < 500 ? 120 : width < 1000 ? 170 : 200;
    const ratios = this.items.map((image) => ratioOf(image.width, image.height));
    this.layout = justify(ratios, width, height, GAP);
    this.element.style.height = `${this.layout.height}px`;
    for (const [index, tile] of this.tiles) place(tile, this.layout.boxes[index]);
    this.render();
  }

  render() {
    const top = -this.element.getBoundingClientRect().top;
    const screen = innerHeight;
    const [begin, end] = between(this.layout.boxes, top - AHEAD * screen, top + (1 + AHEAD) * screen);
    for (const [index, tile] of this.tiles) {
      // Whoever moves by keyboard must not lose their place when they scroll.
      if ((index < begin || index >= end) && !tile.contains(document.activeElement)) {
        tile.remove();
        this.tiles.delete(index);
      }
    }
    /** @type {HTMLElement | null} */
    let before = null;
    for (let index = end - 1; index >= begin; index -= 1) before = this.tiles.get(index) ?? this.add(index, before);
    if (!this.isComplete && top + (1 + EARLY) * screen > this.layout.height) this.more();
  }

  /**
   * @param {number} index
   * @param {HTMLElement | null} before
   */
  add(index, before) {
    const box = this.layout.boxes[index];
    const tile = this.make(this.items[index], box);
    tile.dataset.index = String(index);
    tile.setAttribute("aria-posinset", String(index + 1));
    tile.setAttribute("aria-setsize", this.isComplete ? String(this.items.length) : "-1");
    reach(tile, index === this.current);
    place(tile, box);
    this.element.insertBefore(tile, before);
    this.tiles.set(index, tile);
    return tile;
  }

  /** @param {FocusEvent} event */
  onFocus(event) {
    const tile = /** @type {HTMLElement} */ (event.target).closest("li");
    if (tile) this.choose(Number(tile.dataset.index));
  }

  /** @param {number} index */
  choose(index) {
    const before = this.tiles.get(this.current);
    if (before) reach(before, false);
    this.current = index;
    const tile = this.tiles.get(index);
    if (tile) reach(tile, true);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const next = this.neighbour(event.key);
    if (next === null) return;
    event.preventDefault();
    this.focus(Math.min(this.items.length - 1, Math.max(0, next)));
  }

  /** @param {string} key */
  neighbour(key) {
    switch (key) {
      case "ArrowLeft":
        return this.current - 1;
      case "ArrowRight":
        return this.current + 1;
      case "ArrowUp":
        return this.across(-1);
      case "ArrowDown":
        return this.across(1);
      case "Home":
        return 0;
      case "End":
        return this.items.length - 1;
      default:
        return null;
    }
  }

  /** @param {number} rows */
  across(rows) {
    const { boxes, rows: firsts } = this.layout;
    const row = firsts.filter((first) => first <= this.current).length - 1 + rows;
    if (row < 0 || row >= firsts.length) return this.current;
    const middle = boxes[this.current].x + boxes[this.current].width / 2;
    const end = firsts[row + 1] ?? boxes.length;
    let index = firsts[row];
    while (index + 1 < end && boxes[index + 1].x <= middle) index += 1;
    return index;
  }

  /** @param {number} index */
  focus(index) {
    const box = this.layout.boxes[index];
    if (!box) return;
    this.choose(index);
    const top = this.element.getBoundingClientRect().top + box.y;
    // Room for what sticks to the edges of the screen.
    const room = 96;
    if (top < room) scrollBy({ top: top - room });
    else if (top + box.height > innerHeight - room) scrollBy({ top: top + box.height - innerHeight + room });
    this.render();
    const tile = this.tiles.get(index);
    if (tile) target(tile).focus({ preventScroll: true });
  }
}

/**
 * Let Tab stop in a tile, or pass it by: of all tiles it stops in one, and arrow keys lead to the others.
 * @param {HTMLElement} tile
 * @param {boolean} isCurrent
 */
function reach(tile, isCurrent) {
  const stops = /** @type {NodeListOf<HTMLElement>} */ (tile.querySelectorAll("a, button"));
  for (const one of stops) one.tabIndex = isCurrent ? 0 : -1;
}

/** @param {HTMLElement} tile */
function target(tile) {
  return /** @type {HTMLElement} */ (tile.querySelector("[data-focus]"));
}

/**
 * @param {HTMLElement} tile
 * @param {Box} box
 */
function place(tile, box) {
  tile.style.transform = `translate(${box.x}px, ${box.y}px)`;
  tile.style.width = `${box.width}px`;
  tile.style.height = `${box.height}px`;
}
