// Build elements. Text goes in as text, never as HTML: names of files come from anybody.

/** @typedef {string | number | Node | null | undefined | false} Child */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Make an element. Functions among the properties listen to events, booleans set or leave out an attribute.
 * @param {string} tag
 * @param {Record<string, any>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (name === "value") /** @type {any} */ (element).value = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  append(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {(Child | Child[])[]} children
 */
function append(element, children) {
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
}

/**
 * Put other children into an element.
 * @param {Element} element
 * @param {...(Child | Child[])} children
 */
export function fill(element, ...children) {
  element.replaceChildren();
  append(element, children);
}

/** @type {Record<string, string>} */
const PATHS = {
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M16.5 16.5 21 21",
  library: "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
  jobs: "M4 7h16M4 12h10M4 17h13",
  duplicates: "M8 8h12v12H8zM4 16V4h12",
  about: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 11v5M12 8v.1",
  close: "M6 6l12 12M18 6 6 18",
  add: "M12 5v14M5 12h14",
  box: "M4 8V4h4M16 4h4v4M20 16v4h-4M8 20H4v-4",
  camera: "M4 8h4l2-3h4l2 3h4v11H4zM12 10.5a3 3 0 1 0 0 6 3 3 0 0 0 0-6",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  compare: "M12 3v18M4 6h5v12H4zM15 6h5v12h-5z",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  filter: "M4 6h16M7 12h10M10 18h4",
  folder: "M3 6h6l2 2h10v11H3z",
  up: "M12 19V5M6 11l6-6 6 6",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  leave: "M10 4H5v16h5M15 8l4 4-4 4M19 12H9",
  keep: "M5 12l5 5L19 7",
};

/**
 * Draw a small picture that says nothing to screen readers: whatever holds it has a name of its own.
 * @param {string} name
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/**
 * Make a button that shows a text, and an icon where one is named.
 * @param {string} text
 * @param {() => void} act
 * @param {{icon?: string, kind?: string, isBare?: boolean, disabled?: boolean, title?: string}} [options]
 *   `isBare` shows the icon alone.
 * @returns {HTMLButtonElement}
 */
export function button(text, act, options = {}) {
  return h(
    "button",
    {
      type: "button",
      class: `button ${options.kind ?? ""} ${options.isBare ? "bare" : ""}`,
      onclick: act,
      disabled: options.disabled ?? false,
      "aria-label": options.isBare ? text : null,
      title: options.isBare ? text : options.title,
    },
    options.icon ? icon(options.icon) : null,
    options.isBare ? null : text,
  );
}

let named = 0;

/**
 * Put a label before a field.
 * @param {string} text
 * @param {HTMLElement} field
 * @param {string} [kind]
 */
export function labelled(text, field, kind = "") {
  named += 1;
  field.id ||= `field-${named}`;
  return h("div", { class: `field ${kind}` }, h("label", { for: field.id }, text), field);
}

/**
 * Make a window above the page, which Escape closes.
 * @param {string} title
 * @param {string} kind
 * @param {...(Child | Child[])} children
 * @returns {HTMLDialogElement}
 */
export function dialog(title, kind, ...children) {
  const made = h("dialog", { class: `dialog ${kind}`, "aria-label": title }, ...children);
  made.addEventListener("close", () => made.remove());
  document.body.append(made);
  made.showModal();
  return made;
}

/** Close the windows above a view that is being left; not that which asks for a key, which stands above all views. */
export function closeDialogs() {
  for (const one of document.querySelectorAll("dialog[open]:not(.is-key)")) /** @type {HTMLDialogElement} */ (one).close();
}

/**
 * Ask whether something is to be done.
 * @param {string} question
 * @param {string} yes
 * @param {string} no
 * @returns {Promise<boolean>}
 */
export function confirm(question, yes, no) {
  return new Promise((resolve) => {
    const asked = dialog(
      question,
      "is-question",
      h("p", {}, question),
      h(
        "div",
        { class: "row is-end" },
        button(no, () => asked.close()),
        button(yes, () => asked.close("yes"), { kind: "is-main" }),
      ),
    );
    asked.addEventListener("close", () => resolve(asked.returnValue === "yes"));
  });
}
