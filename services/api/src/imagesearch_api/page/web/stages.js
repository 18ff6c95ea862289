// How long a search took, in stages, on demand.

import { h } from "./dom.js";
import { TEXT } from "./strings.js";

/** @param {Record<string, number>} took */
export function stages(took) {
  if (took.total === undefined) return null;
  const rows = Object.entries(took).map(([name, milliseconds]) =>
    h("div", {}, h("dt", {}, name === "total" ? TEXT.search.stage.total : name), h("dd", {}, `${milliseconds.toFixed(1)} ms`)),
  );
  return h("details", { class: "took" }, h("summary", {}, TEXT.search.took(took.total)), h("dl", {}, rows));
}
