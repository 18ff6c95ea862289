// What stands where there is nothing yet: what to do first, or that it comes.

import { format } from "./address.js";
import { h } from "./dom.js";
import { TEXT } from "./strings.js";

/** @param {string} title */
export function emptyState(title) {
  return h(
    "section",
    { class: "empty" },
    h("h2", {}, title),
    h("p", {}, TEXT.empty.hint),
    h("a", { class: "button is-main", href: format("jobs", { start: 1 }) }, TEXT.empty.begin),
  );
}

/**
 * Say that something comes, and keep its place.
 * @param {string} text
 */
export function waiting(text) {
  const places = h("span", { class: "coming", "aria-hidden": "true" }, Array.from({ length: 8 }, () => h("span")));
  return h("span", { class: "waiting" }, text, places);
}
