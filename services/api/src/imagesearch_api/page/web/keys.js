// Ask people for an API key, once: a cookie that no script reads stands in for it from then on.

import { login, Problem } from "./api.js";
import { button, dialog, h, labelled } from "./dom.js";
import { TEXT } from "./strings.js";

const UNAUTHORIZED = 401;
/** What a header can hold: anything else is no key. */
const FORM = /^[\x21-\x7e]+$/;

export class Keys {
  constructor() {
    /** @type {Promise<boolean> | null} */
    this.asked = null;
    this.isDeclined = false;
  }

  /** Ask again, although nobody wanted to give a key before. */
  forgive() {
    this.isDeclined = false;
  }

  /**
   * Ask for a key; whoever asks meanwhile waits for the same answer. Tells whether one was given that holds.
   * @returns {Promise<boolean>}
   */
  ask() {
    if (this.isDeclined) return Promise.resolve(false);
    this.asked ??= answer().then((isGiven) => {
      this.asked = null;
      this.isDeclined = !isGiven;
      return isGiven;
    });
    return this.asked;
  }
}

/** @returns {Promise<boolean>} */
function answer() {
  return new Promise((resolve) => {
    const { key } = TEXT;
    const hint = h("p", { class: "quiet", id: "key-hint" }, key.hint);
    const said = h("p", { class: "error", id: "key-error", role: "alert" });
    const field = h("input", {
      type: "password",
      name: "key",
      required: true,
      autocomplete: "current-password",
      autocapitalize: "none",
      spellcheck: "false",
      "aria-describedby": "key-error key-hint",
    });
    const go = h("button", { type: "submit", class: "button is-main" }, key.go);
    const send = async (/** @type {Event} */ event) => {
      event.preventDefault();
      // A second Enter while the first is on its way would send the key twice.
      if (go.disabled) return;
      go.disabled = true;
      said.textContent = "";
      const why = await refusal(field.value.trim());
      go.disabled = false;
      if (why === null) {
        asked.close("given");
        return;
      }
      said.textContent = why;
      field.setAttribute("aria-invalid", "true");
      field.focus();
      field.select();
    };
    const form = h(
      "form",
      { class: "form", onsubmit: send },
      h("h2", {}, key.title),
      hint,
      labelled(key.field, field),
      said,
      h("div", { class: "row is-end" }, button(key.decline, () => asked.close()), go),
    );
    const asked = dialog(key.title, "is-question is-key", form);
    field.focus();
    asked.addEventListener("close", () => resolve(asked.returnValue === "given"));
  });
}

/**
 * Begin a session with a key; tells why it was refused, or null where it was not.
 * @param {string} key
 * @returns {Promise<string | null>}
 */
async function refusal(key) {
  if (!FORM.test(key)) return TEXT.key.wrong;
  try {
    await login(key);
    return null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.status === UNAUTHORIZED ? TEXT.key.wrong : error.message;
  }
}
