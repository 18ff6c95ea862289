// One picture whole, with what is known of it; beside the query, where there is one.

import { go, here, noteSeen, takeSeen } from "./address.js";
import { call, collectionPath, fileUrl, Problem, thumbnailUrl } from "./api.js";
import { button, dialog, fill, h } from "./dom.js";
import { Explanation } from "./explanation.js";
import { editLabels } from "./labels.js";
import { state } from "./state.js";
import { count, distance, moment, nameOf, size, TEXT } from "./strings.js";
import { WHY } from "./strings_why.js";
import { removeLater } from "./undo.js";

/** @typedef {import("./api.js").Image} Image */
/** What is searched by has an address, `query`, and where it is the whole picture that counts, `by`.
 * @typedef {{collection: string, items: () => Image[], query?: string | null, by?: import("./explanation.js").Side | null,
 *   changed: () => void}} Shown */

const SHOWN_BY_BROWSERS = new Set(["JPEG", "PNG", "WEBP", "GIF", "BMP", "AVIF"]);
const LARGEST = 512;

/** @type {Viewer | null} */
let open = null;

/** Close what is seen whole: its address has been left. */
export function closeViewer() {
  if (!open) return;
  open.isLeft = true;
  open.dialog.close();
  open = null;
}

/**
 * See a picture whole, one of those that are shown or, where it is none of them, alone.
 * @param {Shown} shown
 * @param {number} id
 * @param {(index: number) => void} closed is told where among those that are shown one was last
 */
export async function see(shown, id, closed) {
  const index = shown.items().findIndex((one) => one.id === id);
  if (index >= 0) {
    new Viewer(shown, index, closed);
    return;
  }
  try {
    const image = await call("GET", `${collectionPath(shown.collection)}/images/${id}`);
    new Viewer({ ...shown, items: () => [image] }, 0, () => {});
  } catch (error) {
    // A link to a picture that is gone leads to where it was.
    if (!(error instanceof Problem)) throw error;
    noteSeen(null, false);
  }
}

class Viewer {
  /**
   * @param {Shown} shown the pictures to go through
   * @param {number} index of the first one
   * @param {(index: number) => void} closed is told where one was last
   */
  constructor(shown, index, closed) {
    this.shown = shown;
    this.index = index;
    this.isCompared = false;
    /** Whether Back leads to where it was opened. */
    this.isStep = takeSeen(here().parameters) === null;
    this.isLeft = false;
    open = this;
    /** @type {Image | null} */
    this.image = null;
    /** @type {Explanation | null} */
    this.why = null;
    this.stage = h("div", { class: "stage" });
    this.side = h("div", { class: "side" });
    this.dialog = dialog(TEXT.viewer.title, "viewer", this.stage, this.side);
    this.dialog.addEventListener("close", () => {
      if (open === this) open = null;
      closed(this.index);
      if (this.isLeft || takeSeen(here().parameters) === null) return;
      if (this.isStep) history.back();
      else noteSeen(null, false);
    });
    this.dialog.addEventListener("keydown", (event) => this.onKey(event));
    this.move(0);
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    if (event.target instanceof HTMLInputElement || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowLeft") this.move(-1);
    else if (event.key === "ArrowRight") this.move(1);
    else if (event.key === "Delete") this.remove();
    else return;
    event.preventDefault();
  }

  /** @param {number} by */
  move(by) {
    const items = this.shown.items();
    if (!items.length) {
      this.dialog.close();
      return;
    }
    this.index = Math.min(items.length - 1, Math.max(0, this.index + by));
    const isFirst = this.image === null;
    this.image = items[this.index];
    noteSeen(this.image.id, isFirst && this.isStep);
    this.show(this.image);
    this.complete(this.image);
  }

  /**
   * Ask for what results of searches do not tell.
   * @param {Image} image
   */
  async complete(image) {
    const path = `${collectionPath(this.shown.collection)}/images/${image.id}`;
    try {
      const whole = { ...(await call("GET", path)), distance: image.distance };
      if (this.image?.id !== image.id) return;
      this.image = whole;
      this.show(whole);
    } catch (error) {
      if (this.image?.id === image.id) {
        this.side.append(h("p", { class: "error", role: "alert" }, error instanceof Error ? error.message : String(error)));
      }
    }
  }

  /** @param {Image} image */
  show(image) {
    const isShown = this.stage.dataset.id === `${image.id} ${image.format ?? ""} ${this.isCompared}`;
    if (!isShown) {
      this.stage.dataset.id = `${image.id} ${image.format ?? ""} ${this.isCompared}`;
      const picture = h("img", { src: sourceOf(image), alt: nameOf(image.path), class: "whole" });
      fill(this.stage, this.isCompared && this.shown.query ? swipe(picture, this.shown.query) : picture);
      this.explain(image);
    }
    const inFocus = document.activeElement?.closest(".side") ? labelOf(document.activeElement) : null;
    fill(this.side, this.head(image), this.acts(image), this.why?.element, facts(image, this.shown.collection));
    const again = inFocus && [...this.side.querySelectorAll("button")].find((one) => labelOf(one) === inFocus);
    if (again) again.focus();
  }

  /** @param {Image} image */
  head(image) {
    const { viewer } = TEXT;
    const last = this.shown.items().length - 1;
    return h(
      "div",
      { class: "viewer-head" },
      h("h2", {}, nameOf(image.path)),
      button(viewer.previous, () => this.move(-1), { icon: "previous", isBare: true, disabled: this.index === 0 }),
      button(viewer.next, () => this.move(1), { icon: "next", isBare: true, disabled: this.index === last }),
      button(TEXT.close, () => this.dialog.close(), { icon: "close", isBare: true }),
    );
  }

  /** @param {Image} image */
  acts(image) {
    const { viewer } = TEXT;
    const { collection, query } = this.shown;
    return h(
      "div",
      { class: "row" },
      button(viewer.search, () => this.leave(() => go("search", { c: collection, image: image.id })), {
        icon: "search",
        kind: "is-main",
      }),
      query && button(this.isCompared ? viewer.compareNot : viewer.compare, () => this.compare(), { icon: "compare" }),
      button(viewer.edit, () => this.edit(image)),
      h("a", { class: "button", href: fileUrl(image.id), target: "_blank", rel: "noopener" }, viewer.open),
      button(viewer.remove, () => this.remove(), { icon: "remove", kind: "is-danger" }),
    );
  }

  /** @param {Image} image */
  explain(image) {
    const { by, collection } = this.shown;
    if (!this.isCompared || !by) this.why = null;
    else if (this.why?.image !== image.id) {
      // What was asked of another picture may still be on its way.
      this.why = new Explanation(by, image.id, collection, () => this.why?.lay(this.stage));
    }
    this.why?.lay(this.stage);
  }

  /** @param {() => void} then */
  leave(then) {
    // Back then leads to what was shown below.
    noteSeen(null, false);
    this.dialog.close();
    then();
  }

  compare() {
    this.isCompared = !this.isCompared;
    if (this.image) this.show(this.image);
  }

  /** @param {Image} image */
  async edit(image) {
    const saved = await editLabels(this.shown.collection, image);
    if (saved) this.complete(image);
  }

  remove() {
    if (!this.image) return;
    removeLater(this.shown.collection, [this.image.id], this.shown.changed);
    this.move(0);
  }
}

/** @param {Element} element */
const labelOf = (element) => element.getAttribute("aria-label") ?? element.textContent;

/** @param {Image} image */
function sourceOf(image) {
  return image.format && SHOWN_BY_BROWSERS.has(image.format) ? fileUrl(image.id) : thumbnailUrl(image.id, LARGEST, image.sha256);
}

/**
 * Lay the query over a picture, as far as a slider says.
 * @param {HTMLElement} picture
 * @param {string} query
 */
function swipe(picture, query) {
  const over = h("img", { src: query, alt: TEXT.search.query, class: "whole over" });
  const slide = () => {
    for (const one of pair.querySelectorAll(".over")) one.style.clipPath = `inset(0 ${100 - slider.value}% 0 0)`;
  };
  const slider = h("input", { type: "range", min: 0, max: 100, value: 50, "aria-label": TEXT.viewer.swipe, oninput: slide });
  const pair = h("div", { class: "swipe" }, picture, over, slider);
  slide();
  return pair;
}

/**
 * @param {Image} image
 * @param {string} collection
 */
function facts(image, collection) {
  const names = TEXT.viewer.facts;
  /** @type {[string, unknown][]} */
  const rows = [
    [names.distance, image.distance === undefined ? null : distanceInWords(image.distance, collection)],
    [names.path, image.path],
    [names.size, image.width && TEXT.viewer.dimensions(image.width, image.height ?? 0, size(image.bytes))],
    [names.format, image.format],
    [names.partition, image.partition],
    ...Object.entries(image.metadata ?? {}).map(
      ([name, value]) => /** @type {[string, unknown]} */ ([name, typeof value === "string" ? value : JSON.stringify(value)]),
    ),
    [names.job, image.job],
    [names.indexed, image.indexed_at && moment(image.indexed_at)],
    [names.id, count(image.id)],
    [names.digest, image.sha256],
  ];
  const known = rows.filter(([, value]) => value);
  return h("dl", { class: "facts" }, known.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, String(value))]));
}

/**
 * Return a distance with the word for it, where one was measured for the pipeline.
 * @param {number} far
 * @param {string} collection
 */
function distanceInWords(far, collection) {
  const bands = state.collections.find((one) => one.name === collection)?.bands;
  // An untrained network squeezes all distances.
  const band = state.info?.untrained === false && bands ? bandOf(far, bands) : null;
  return band ? `${distance(far)} (${WHY.bands[band]})` : distance(far);
}

/**
 * @param {number} far
 * @param {{same: number, near: number, similar: number}} bands
 */
function bandOf(far, bands) {
  if (far <= bands.same) return "same";
  if (far <= bands.near) return "near";
  return far <= bands.similar ? "similar" : null;
}
