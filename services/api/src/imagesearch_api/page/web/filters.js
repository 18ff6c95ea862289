// Restrict a search or a list to what is said about pictures: their partition, and the fields of their metadata.

import { call, collectionPath } from "./api.js";
import { conditionsOf, whereOf } from "./conditions.js";
import { button, fill, h, labelled } from "./dom.js";
import { partitionField } from "./partitions.js";
import { TEXT } from "./strings.js";

/** @typedef {import("./conditions.js").Condition} Condition */
/** @typedef {{value: string | number | boolean, images: number}} FacetValue */
/** @typedef {{field: string, images: number, values: FacetValue[], values_capped: boolean, least: number | null,
 *   greatest: number | null}} Facet */
/** @typedef {{c: string, partition: string, where: string}} Restricted */

/** Of so many numbers one chooses from a list; of more, the ends of a range. */
const FEW = 3;

/**
 * Return the fields that restrict: what is chosen is seen at once, what could be chosen on demand.
 * @param {Restricted} now
 * @param {(by: Partial<Restricted>) => void} change
 * @returns {HTMLElement}
 */
export function filterFields(now, change) {
  return new Filters(now, change).element;
}

/** Whether people have the fields open, and the one that they changed last: the view is made anew after each change. */
const opened = { isOpen: false, last: "" };

class Filters {
  /**
   * @param {Restricted} now
   * @param {(by: Partial<Restricted>) => void} change
   */
  constructor(now, change) {
    this.now = now;
    this.change = change;
    this.conditions = conditionsOf(now.where);
    this.panel = h("section", { class: "filter-panel", "aria-label": TEXT.filters.open });
    this.toggle = button(TEXT.filters.open, () => this.open(!opened.isOpen), { icon: "filter" });
    this.panel.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape") return;
      this.open(false);
      this.toggle.focus();
    });
    const partition = partitionField(now.c, now.partition, (name) => change({ partition: name }));
    this.element = h("div", { class: "row is-low filters" }, partition, this.toggle, this.chips(), this.panel);
    this.open(opened.isOpen);
  }

  /** @param {boolean} isOpen */
  open(isOpen) {
    opened.isOpen = isOpen;
    this.toggle.setAttribute("aria-expanded", String(isOpen));
    this.panel.hidden = !isOpen;
    if (isOpen) this.look();
  }

  chips() {
    const { filters } = TEXT;
    const chip = (/** @type {string} */ text, /** @type {() => void} */ drop) =>
      h("li", { class: "chip" }, h("span", {}, text), button(filters.drop(text), drop, { icon: "close", isBare: true }));
    const { conditions } = this;
    const chips = conditions
      ? conditions.map((one) => chip(filters.condition(one.op, one.field, one.value), () => this.put(one.op, one.field, null)))
      : [chip(this.now.where, () => this.change({ where: "" }))];
    return chips.length ? h("ul", { class: "chips", role: "list", "aria-label": filters.chosen }, chips) : null;
  }

  /**
   * Put a condition into the place of the one like it.
   * @param {Condition["op"]} op
   * @param {string} field
   * @param {Condition["value"] | null} value none takes it away
   */
  put(op, field, value) {
    opened.last = `${op} ${field}`;
    const others = (this.conditions ?? []).filter((one) => one.op !== op || one.field !== field);
    this.change({ where: whereOf(value === null ? others : [...others, { op, field, value }]) });
  }

  async look() {
    this.panel.textContent = TEXT.loading;
    const asked = this.now.partition ? `?${new URLSearchParams({ partition: this.now.partition })}` : "";
    try {
      this.show(await call("GET", `${collectionPath(this.now.c)}/facets${asked}`));
    } catch (error) {
      fill(this.panel, h("p", { class: "error", role: "alert" }, error instanceof Error ? error.message : String(error)));
    }
  }

  /** @param {{looked_at: number, is_complete: boolean, items: Facet[]}} found */
  show(found) {
    const { filters } = TEXT;
    if (!found.items.length) {
      fill(this.panel, h("p", { class: "quiet" }, filters.none));
      return;
    }
    const cut = found.is_complete ? null : h("p", { class: "quiet" }, filters.sampled(found.looked_at));
    fill(this.panel, h("div", { class: "filter-fields" }, found.items.map((one) => this.field(one))), cut);
    const fields = /** @type {NodeListOf<HTMLElement>} */ (this.panel.querySelectorAll("[data-of]"));
    [...fields].find((one) => one.dataset.of === opened.last)?.focus({ preventScroll: true });
    opened.last = "";
  }

  /** @param {Facet} facet */
  field(facet) {
    const isRange = facet.least !== facet.greatest && facet.values.length > FEW;
    if (isRange) return this.range(facet);
    return facet.values_capped ? this.text(facet) : this.choice(facet);
  }

  /**
   * @param {Condition["op"]} op
   * @param {string} field
   */
  chosen(op, field) {
    return this.conditions?.find((one) => one.op === op && one.field === field)?.value;
  }

  /** @param {Facet} facet */
  choice({ field, values }) {
    const now = this.chosen("eq", field);
    const all = now === undefined || values.some((one) => one.value === now) ? values : [...values, { value: now, images: 0 }];
    const options = all.map(({ value, images }) =>
      h("option", { value: JSON.stringify(value), selected: value === now }, TEXT.filters.value(value, images)),
    );
    const select = h("select", {
      "data-of": `eq ${field}`,
      onchange: () => this.put("eq", field, select.value ? JSON.parse(select.value) : null),
    });
    fill(select, h("option", { value: "" }, TEXT.filters.any), options);
    return labelled(field, select);
  }

  /**
   * Of a field with more values than are known one writes the value; the most frequent ones are offered.
   * @param {Facet} facet
   */
  text({ field, values }) {
    const list = h("datalist", { id: `values-of-${field}` }, values.map((one) => h("option", { value: String(one.value) })));
    const now = this.chosen("eq", field);
    const input = h("input", {
      list: list.id,
      value: now === undefined ? "" : String(now),
      placeholder: TEXT.filters.any,
      "data-of": `eq ${field}`,
    });
    // What is offered keeps its type: a year is a number, although it is written.
    const read = () => values.find((one) => String(one.value) === input.value)?.value ?? input.value;
    input.addEventListener("change", () => this.put("eq", field, input.value === "" ? null : read()));
    return h("div", { class: "field" }, labelled(field, input), list);
  }

  /** @param {Facet} facet */
  range({ field, least, greatest }) {
    const { from, to } = TEXT.filters;
    const end = (/** @type {"ge" | "le"} */ op, /** @type {string} */ name, /** @type {number | null} */ bound) => {
      const input = h("input", {
        type: "number",
        "data-of": `${op} ${field}`,
        step: "any",
        value: this.chosen(op, field) ?? "",
        placeholder: String(bound),
        "aria-label": `${field}, ${name}`,
      });
      input.addEventListener("change", () => this.put(op, field, input.value === "" ? null : Number(input.value)));
      return input;
    };
    return h(
      "div",
      { class: "field" },
      h("span", { class: "field-name" }, field),
      h("div", { class: "range" }, end("ge", from, least), h("span", { "aria-hidden": "true" }, "–"), end("le", to, greatest)),
    );
  }
}
