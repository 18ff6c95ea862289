// Start a job: choose a directory of those that may be read, and where its pictures go.

import { go, here } from "./address.js";
import { call } from "./api.js";
import { button, dialog, fill, h, icon, labelled } from "./dom.js";
import { collectionOf, refresh, state } from "./state.js";
import { TEXT } from "./strings.js";

const RULE = "[A-Za-z0-9_][A-Za-z0-9_.\\-]{0,99}";

/**
 * Ask for a directory and start a job on it.
 * @param {string | null} collection
 */
export function startJob(collection) {
  new Start(collection ?? collectionOf(new URLSearchParams()) ?? "default");
}

class Start {
  /** @param {string} collection */
  constructor(collection) {
    // One for this form: a second press finds the job of the first.
    this.key = `page-${Math.random().toString(36).slice(2)}`;
    this.path = "";
    this.places = h("div", { class: "places" });
    this.chosen = h("p", { class: "chosen", role: "status" }, TEXT.start.chooseOne);
    this.said = h("p", { class: "error", role: "alert" });
    const names = h("datalist", { id: "names-of-collections" }, state.collections.map((one) => h("option", { value: one.name })));
    this.collection = h("input", {
      list: names.id,
      value: collection,
      pattern: RULE,
      required: true,
      title: TEXT.start.collectionRule,
    });
    this.partition = h("input", { maxlength: 128 });
    this.recursive = h("input", { type: "checkbox", checked: true });
    this.prune = h("input", { type: "checkbox" });
    this.submit = h("button", { type: "submit", class: "button is-main", disabled: true }, TEXT.start.go);
    const form = h(
      "form",
      { class: "form", onsubmit: (/** @type {Event} */ event) => this.start(event) },
      h("h2", {}, TEXT.start.title),
      this.places,
      this.chosen,
      h(
        "div",
        { class: "row" },
        labelled(TEXT.start.collection, this.collection),
        labelled(TEXT.start.partition, this.partition),
      ),
      names,
      h("label", { class: "check" }, this.recursive, TEXT.start.recursive),
      h("label", { class: "check" }, this.prune, TEXT.start.prune),
      this.said,
      h("div", { class: "row is-end" }, button(TEXT.close, () => this.dialog.close()), this.submit),
    );
    this.dialog = dialog(TEXT.start.title, "is-form", form);
    this.dialog.addEventListener("close", () => here().parameters.has("start") && go("jobs", {}));
    this.look(null);
  }

  /** @param {string | null} path */
  async look(path) {
    this.said.textContent = "";
    try {
      const query = path === null ? "" : `?${new URLSearchParams({ path })}`;
      this.show(await call("GET", `directories${query}`), path);
    } catch (error) {
      this.said.textContent = error instanceof Error ? error.message : String(error);
    }
  }

  /**
   * @param {{path: string | null, parent: string | null, items: {name: string, path: string}[], is_complete: boolean}} found
   * @param {string | null} asked
   */
  show(found, asked) {
    const isTop = found.path === null;
    this.choose(found.path ?? "");
    const up = isTop ? null : button(TEXT.start.up, () => this.look(found.parent), { icon: "up" });
    const rows = found.items.map((place) =>
      h("li", {}, h("button", { type: "button", class: "place", onclick: () => this.look(place.path) }, icon("folder"), place.name)),
    );
    const none = isTop ? TEXT.start.noPlaces : TEXT.start.noneHere;
    fill(
      this.places,
      up,
      rows.length ? h("ul", { "aria-label": TEXT.start.places }, rows) : h("p", { class: "quiet" }, none),
      !found.is_complete && h("p", { class: "quiet" }, TEXT.start.cut),
    );
    // The button that was pressed is gone: the next one is where one goes on.
    if (asked !== null || !isTop) this.places.querySelector("button")?.focus();
  }

  /** @param {string} path */
  choose(path) {
    this.path = path;
    this.submit.disabled = !path;
    this.chosen.textContent = path ? `${TEXT.start.chosen}: ${path}` : TEXT.start.chooseOne;
  }

  /** @param {Event} event */
  async start(event) {
    event.preventDefault();
    this.submit.disabled = true;
    const json = {
      source: this.path,
      collection: this.collection.value,
      recursive: this.recursive.checked,
      prune: this.prune.checked,
      ...(this.partition.value && { partition: this.partition.value }),
    };
    try {
      await call("POST", "jobs", { json, headers: { "Idempotency-Key": this.key } });
      await refresh();
      this.dialog.close();
    } catch (error) {
      this.said.textContent = error instanceof Error ? error.message : String(error);
      this.submit.disabled = false;
    }
  }
}
