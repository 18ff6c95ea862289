// The state of the page in its address, so that Back works and an address can be shared.

/** @typedef {{view: string, parameters: URLSearchParams}} Place */

/**
 * Read a place from the part of an address behind "#".
 * @param {string} hash
 * @returns {Place}
 */
export function parse(hash) {
  const [path, query] = split(hash.replace(/^#\/?/, ""));
  return { view: path || "search", parameters: new URLSearchParams(query) };
}

/** @param {string} text */
function split(text) {
  const at = text.indexOf("?");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/**
 * Write a place as the part of an address behind "#"; what is empty is left out.
 * @param {string} view
 * @param {Record<string, string | number | null | undefined>} values
 */
export function format(view, values) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(values)) {
    if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const query = parameters.toString();
  return `#/${view}${query ? `?${query}` : ""}`;
}

/** Return where the page is. */
export function here() {
  return parse(location.hash);
}

const SEEN = "see";
/**
 * What was seen whole when the address was last written or read.
 * @type {{id: number | null}}
 */
const above = { id: null };

/**
 * Take out of a place which picture is seen whole above it.
 * @param {URLSearchParams} parameters
 * @returns {number | null}
 */
export function takeSeen(parameters) {
  const id = Number(parameters.get(SEEN)) || null;
  parameters.delete(SEEN);
  return id;
}

/**
 * Remember which picture is seen whole now, and return which was before; null for none.
 * @param {number | null} id
 */
export function changeSeen(id) {
  const before = above.id;
  above.id = id;
  return before;
}

/**
 * Say in the address which picture is seen whole; null for none.
 * @param {number | null} id
 * @param {boolean} isStep whether Back leads to what was there before
 */
export function noteSeen(id, isStep) {
  changeSeen(id);
  const { view, parameters } = here();
  const address = format(view, { ...Object.fromEntries(parameters), [SEEN]: id });
  if (isStep) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
}

/**
 * Go to a place, which the page then shows.
 * @param {string} view
 * @param {Record<string, string | number | null | undefined>} values
 */
export function go(view, values) {
  const wanted = format(view, values);
  if (wanted === location.hash) dispatchEvent(new HashChangeEvent("hashchange"));
  else location.hash = wanted;
}

/**
 * Say in the address what the page shows already.
 * @param {string} view
 * @param {Record<string, string | number | null | undefined>} values
 */
export function note(view, values) {
  history.replaceState(null, "", format(view, values));
}
