// Deletions wait ten seconds, in which they can be taken back; a page that is closed meanwhile deletes nothing.

import { call, collectionPath } from "./api.js";
import { button, fill, h } from "./dom.js";
import { TEXT } from "./strings.js";

const SECONDS = 10;

/** Ids of pictures that are being deleted, or have been. */
const going = new Set();
const toast = h("div", { class: "toast", role: "status", hidden: true });
/** @type {{collection: string, ids: number[], left: number, timer: number, changed: () => void} | null} */
let waiting = null;

/** @param {{id: number}} image */
export const isThere = (image) => !going.has(image.id);

/**
 * Delete pictures, after a while in which that can be taken back.
 * @param {string} collection
 * @param {number[]} ids
 * @param {() => void} changed is called when they are hidden, and when they come back
 */
export function removeLater(collection, ids, changed) {
  sendNow();
  for (const id of ids) going.add(id);
  waiting = { collection, ids, left: SECONDS, timer: setInterval(tick, 1000), changed };
  document.body.append(toast);
  say();
  changed();
}

function tick() {
  if (!waiting) return;
  waiting.left -= 1;
  if (waiting.left > 0) say();
  else sendNow();
}

function say() {
  if (!waiting) return;
  const text = TEXT.undo.waiting(waiting.ids.length, waiting.left);
  toast.hidden = false;
  if (waiting.left === SECONDS) fill(toast, h("span", {}, text), button(TEXT.undo.undo, takeBack));
  // What changes each second is not for ears.
  else toast.firstChild.textContent = text;
  toast.firstChild.ariaHidden = waiting.left < SECONDS ? "true" : "false";
}

/** Take back the deletion that waits, if one does. */
export function takeBack() {
  if (!waiting) return;
  clearInterval(waiting.timer);
  back(waiting);
  waiting = null;
  toast.hidden = true;
}

/** @param {{ids: number[], changed: () => void}} one */
function back(one) {
  for (const id of one.ids) going.delete(id);
  one.changed();
}

/** Send the deletion that waits, if one does, and wait for its answer. */
export async function sendNow() {
  if (!waiting) return;
  const one = waiting;
  clearInterval(one.timer);
  waiting = null;
  toast.hidden = true;
  try {
    await call("POST", `${collectionPath(one.collection)}/images/delete`, { json: { ids: one.ids } });
  } catch (error) {
    back(one);
    toast.hidden = false;
    const why = error instanceof Error ? error.message : String(error);
    fill(toast, h("span", {}, TEXT.undo.failed(why)), button(TEXT.close, () => (toast.hidden = true)));
  }
}

addEventListener("keydown", (event) => {
  const isField = event.target instanceof Element && event.target.matches("input, textarea");
  if (event.key === "z" && (event.ctrlKey || event.metaKey) && !isField) takeBack();
});
