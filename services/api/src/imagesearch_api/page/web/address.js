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
