// What one searches by: give it, see it, narrow it down.

import { format } from "./address.js";
import { fileUrl, thumbnailUrl } from "./api.js";
import { button, h, icon, labelled } from "./dom.js";
import { filterFields } from "./filters.js";
import { choose, kept } from "./pictures.js";
import { chooseRegion, partOf } from "./region.js";
import { state } from "./state.js";
import { distance, TEXT } from "./strings.js";
import { thumbnail } from "./thumbnail.js";

/** @typedef {import("./search_run.js").Asked} Asked */

const THUMBNAIL = 128;
const LARGE = 512;
const STEPS = 200;

/**
 * Return the invitation to give a picture.
 * @param {{take: (files: File[]) => void, takeUrl: (url: string) => void}} act
 */
export function invitation(act) {
  const isTouched = matchMedia("(pointer: coarse)").matches;
  return h(
    "section",
    { class: "invitation", "aria-label": TEXT.search.heading },
    h("span", { class: "invitation-icon" }, icon("search")),
    h("h1", {}, TEXT.search.heading),
    h("p", { class: "for-mouse" }, TEXT.search.drop),
    h(
      "div",
      { class: "row is-centred" },
      button(TEXT.search.choose, () => choose(act.take, { several: true }), { kind: "is-main", icon: "add" }),
      isTouched && button(TEXT.search.camera, () => choose(act.take, { fromCamera: true }), { icon: "camera" }),
    ),
    state.info?.searches_by_url && urlForm(act.takeUrl),
  );
}

/** @param {(url: string) => void} takeUrl */
function urlForm(takeUrl) {
  const input = h("input", { type: "url", placeholder: TEXT.search.urlHint, required: true });
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    takeUrl(input.value);
  };
  const go = h("button", { class: "button", type: "submit" }, TEXT.search.urlGo);
  return h("form", { class: "row is-centred url-form", onsubmit: submit }, labelled(TEXT.search.url, input), go);
}

/**
 * Return what stands above the results: what was searched by, and how to search otherwise.
 * @param {Asked} asked
 * @param {{change: (by: Partial<Asked>) => void, add: (files: File[]) => void}} act
 * @param {HTMLElement} threshold
 */
export function queryBar(asked, act, threshold) {
  const { search } = TEXT;
  const source = asked.image ? thumbnailUrl(asked.image, LARGE) : asked.keys.length === 1 ? kept(asked.keys[0])?.url : null;
  const draw = async () => {
    const box = source && (await chooseRegion(source, asked.box));
    if (box) act.change({ box });
  };
  const buttons = [
    source && button(search.part, draw, { icon: "box" }),
    asked.box && button(search.whole, () => act.change({ box: "" })),
    asked.keys.length > 0 && !asked.box && button(search.another, () => choose(act.add, { several: true }), { icon: "add" }),
    h("a", { class: "button", href: format("search", { c: asked.c }) }, icon("close"), search.clear),
  ];
  return h(
    "section",
    { class: "query-bar", "aria-label": search.query },
    h("div", { class: "query-pictures" }, queryPictures(asked)),
    h(
      "div",
      { class: "query-fields" },
      h("div", { class: "row" }, buttons),
      threshold,
      filterFields(asked, act.change),
    ),
  );
}

/** @param {Asked} query */
function queryPictures(query) {
  const part = partOf(query.box);
  const views = query.keys.map((key) => {
    const one = kept(key);
    const alt = TEXT.search.queryPicture(one?.file.name ?? "");
    return framed(h("img", { class: "query-picture", src: one?.url, alt }), part);
  });
  if (query.image) {
    const image = thumbnail(query.image, THUMBNAIL, TEXT.search.queryPicture(`#${query.image}`));
    image.classList.add("query-picture");
    views.push(h("a", { href: fileUrl(query.image), target: "_blank", class: "query-link" }, framed(image, part)));
  }
  if (query.url) views.push(h("span", { class: "query-url" }, query.url));
  return views;
}

/**
 * Show which part of a picture is meant.
 * @param {HTMLElement} image
 * @param {import("./region.js").Part | null} part
 */
function framed(image, part) {
  if (!part) return image;
  const frame = h("span", { class: "frame" });
  const { style } = frame;
  const sides = [part.x, part.y, part.width, part.height];
  [style.left, style.top, style.width, style.height] = sides.map((value) => `${100 * value}%`);
  return h("span", { class: "framed" }, image, frame);
}

/** How far away results may lie: a slider over what has been found. */
export class Threshold {
  /**
   * @param {number | null} value null for any distance
   * @param {(value: number | null) => void} change
   */
  constructor(value, change) {
    this.value = value;
    this.change = change;
    this.range = 0;
    this.slider = h("input", { type: "range", min: 0, max: STEPS, value: STEPS, oninput: () => this.onInput() });
    this.said = h("output", { class: "threshold-value" });
    this.element = labelled(TEXT.search.threshold, this.slider, "threshold");
    this.element.append(this.said);
    this.show();
  }

  /** @param {number} farthest the distance of the farthest result that is known */
  reach(farthest) {
    this.range = Math.max(farthest, this.value ?? 0);
    this.show();
  }

  onInput() {
    const step = Number(this.slider.value);
    this.value = step === STEPS ? null : (this.range * step) / STEPS;
    this.say();
    this.change(this.value);
  }

  show() {
    const isAny = this.value === null || !this.range;
    this.slider.value = isAny ? STEPS : Math.round((STEPS * (this.value ?? 0)) / this.range);
    this.say();
  }

  say() {
    const text = this.value === null ? TEXT.search.anyDistance : distance(this.value);
    this.said.textContent = text;
    this.slider.setAttribute("aria-valuetext", text);
  }
}
