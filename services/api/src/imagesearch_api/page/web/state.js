// What the whole page knows: what runs here, and which collections there are.

import { call } from "./api.js";

/** @typedef {import("./api.js").Collection} Collection */
/** @typedef {{untrained: boolean | null, searches_by_url: boolean, takes_uploads: boolean,
 *   max_upload_bytes: number, version: string, model: string | null}} Info */

/** @typedef {{api_key: string | null, scope: string}} Session */

const REMEMBERED = "collection";

/** @type {{info: Info | null, collections: Collection[], session: Session | null}} */
export const state = { info: null, collections: [], session: null };

/** @returns {Promise<Collection[]>} */
async function everyCollection() {
  /** @type {Collection[]} */
  const found = [];
  /** @type {string | null} */
  let cursor = null;
  do {
    /** @type {URLSearchParams} */
    const asked = new URLSearchParams({ limit: "1000", ...(cursor && { cursor }) });
    /** @type {{items: Collection[], next: string | null}} */
    const page = await call("GET", `collections?${asked}`);
    found.push(...page.items);
    cursor = page.next;
  } while (cursor !== null);
  return found;
}

/** Ask what runs here, which collections there are, and under which key. */
export async function refresh() {
  const [info, collections, session] = await Promise.all([
    call("GET", "info"),
    everyCollection(),
    call("GET", "session"),
  ]);
  state.info = info;
  state.collections = collections;
  state.session = session;
}

/**
 * Return the collection that an address names, or else the one that was chosen last, or the largest.
 * @param {URLSearchParams} parameters
 * @returns {string | null}
 */
export function collectionOf(parameters) {
  const named = parameters.get("c");
  // An alias is not in the list, and the API knows it all the same.
  if (named) return named;
  const remembered = localStorage.getItem(REMEMBERED);
  if (state.collections.some((one) => one.name === remembered)) return remembered;
  const largest = state.collections.reduce(
    (/** @type {Collection | null} */ best, one) => (best && best.images >= one.images ? best : one),
    null,
  );
  return largest?.name ?? null;
}

/** @param {string} name */
export function remember(name) {
  localStorage.setItem(REMEMBERED, name);
}
