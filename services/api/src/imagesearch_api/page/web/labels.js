// Edit what is said about a picture: its partition and its metadata.

import { call, collectionPath } from "./api.js";
import { button, dialog, h, labelled } from "./dom.js";
import { TEXT } from "./strings.js";

/** @typedef {import("./api.js").Image} Image */

/**
 * Write a value as people edit it: texts bare, unless they would read as something else.
 * @param {unknown} value
 */
export function written(value) {
  return typeof value === "string" && read(value) === value ? value : JSON.stringify(value);
}

/**
 * Read a value that people wrote.
 * @param {string} text
 * @returns {unknown}
 */
export function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/**
 * Return the merge patch that makes one object the other.
 * @param {Record<string, unknown>} before
 * @param {Record<string, unknown>} after
 */
export function patchOf(before, after) {
  /** @type {Record<string, unknown>} */
  const patch = {};
  for (const name of Object.keys(before)) if (!(name in after)) patch[name] = null;
  for (const [name, value] of Object.entries(after)) {
    if (JSON.stringify(before[name]) !== JSON.stringify(value)) patch[name] = value;
  }
  return patch;
}

/**
 * Ask for other labels; tells what the image is then, or null where nothing was saved.
 * @param {string} collection
 * @param {Image} image
 * @returns {Promise<Image | null>}
 */
export function editLabels(collection, image) {
  return new Promise((resolve) => {
    /** @type {Image | null} */
    let saved = null;
    const partition = h("input", { value: image.partition ?? "", maxlength: 128 });
    const rows = h("div", { class: "label-rows" });
    const add = (name = "", value = "") => {
      const row = h(
        "div",
        { class: "row label-row" },
        h("input", { value: name, "aria-label": TEXT.labels.name, placeholder: TEXT.labels.name }),
        h("input", { value, "aria-label": TEXT.labels.value, placeholder: TEXT.labels.value }),
        button(TEXT.labels.remove, () => row.remove(), { icon: "remove", isBare: true }),
      );
      rows.append(row);
      return row;
    };
    const before = image.metadata ?? {};
    for (const [name, value] of Object.entries(before)) add(name, written(value));
    const said = h("p", { class: "error", role: "alert" });
    const save = async (/** @type {Event} */ event) => {
      event.preventDefault();
      if (submit.disabled) return;
      submit.disabled = true;
      const fields = [...rows.children].map((row) => [...row.querySelectorAll("input")].map((input) => input.value));
      const after = Object.fromEntries(fields.filter(([name]) => name).map(([name, value]) => [name, read(value)]));
      const metadata = patchOf(before, after);
      const json = { partition: partition.value, ...(Object.keys(metadata).length && { metadata }) };
      try {
        saved = await call("PATCH", `${collectionPath(collection)}/images/${image.id}`, { json });
        asked.close();
      } catch (error) {
        said.textContent = error instanceof Error ? error.message : String(error);
      }
      submit.disabled = false;
    };
    const submit = h("button", { type: "submit", class: "button is-main" }, TEXT.labels.save);
    const form = h(
      "form",
      { class: "form", onsubmit: save },
      h("h2", {}, TEXT.labels.title),
      labelled(TEXT.labels.partition, partition),
      rows,
      h("div", {}, button(TEXT.labels.add, () => add().querySelector("input").focus(), { icon: "add" })),
      h("p", { class: "quiet" }, TEXT.labels.hint),
      said,
      h(
        "div",
        { class: "row is-end" },
        button(TEXT.close, () => asked.close()),
        submit,
      ),
    );
    const asked = dialog(TEXT.labels.title, "is-form", form);
    asked.addEventListener("close", () => resolve(saved));
  });
}
