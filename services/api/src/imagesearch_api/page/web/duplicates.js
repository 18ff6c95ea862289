// Duplicates: groups of pictures that are alike, and which of them to keep.

import { format, go } from "./address.js";
import { AWAY, call, collectionPath, pause, Problem, wasGivenUp } from "./api.js";
import { button, confirm, fill, h, labelled } from "./dom.js";
import { DuplicateGroup } from "./duplicate_group.js";
import { emptyState } from "./empty.js";
import { collectionOf, state } from "./state.js";
import { distance, TEXT } from "./strings.js";
import { isThere, removeLater } from "./undo.js";

const PAGE = 50;
/** Shown until the API says what it takes, which for an alias the page does not know. */
const USUAL = 0.05;
const MOST = 0.3;
const CONFLICT = 409;
const PERIOD = 1000;

export class DuplicatesView {
  /** @param {HTMLElement} main */
  constructor(main) {
    this.main = main;
    this.name = "";
    /** @type {number | null} none asks for what the collection's pipeline calls near */
    this.distance = null;
    /** @type {string | null} */
    this.job = null;
    /** @type {string | null} */
    this.cursor = null;
    /** @type {DuplicateGroup[]} */
    this.groups = [];
    this.isComplete = false;
    this.isLoading = false;
    this.isStarting = false;
    this.hasFailed = false;
    this.abort = new AbortController();
    this.status = h("div", { class: "status", role: "status" });
    this.said = h("div", { class: "said", role: "alert" });
    this.exact = h("div");
    this.warned = h("div", { role: "status" });
    this.slider = h("input", { type: "range", min: 0, max: MOST, step: 0.005 });
    this.shown = h("output", { class: "threshold-value" });
    this.slider.addEventListener("input", () => this.show(Number(this.slider.value)));
    this.slider.addEventListener("change", () => this.look());
    this.list = h("ul", { class: "cards", role: "list", "aria-label": TEXT.duplicates.heading });
    this.end = h("div");
    this.list.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.onKey(event));
    this.seeing = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.more());
  }

  /** @param {URLSearchParams} parameters */
  open(parameters) {
    this.close();
    const name = collectionOf(parameters);
    if (name === null) {
      fill(this.main, emptyState(TEXT.empty.noCollections));
      return;
    }
    this.name = name;
    this.job = parameters.get("job");
    const given = Number.parseFloat(parameters.get("max") ?? "");
    this.distance = Number.isFinite(given) ? Math.min(1, Math.max(0, given)) : null;
    this.groups = [];
    this.cursor = null;
    this.isComplete = false;
    fill(this.list);
    fill(this.said);
    fill(this.exact);
    fill(this.warned);
    fill(
      this.main,
      h("h1", {}, TEXT.duplicates.heading),
      this.fields(),
      this.said,
      this.warned,
      h("div", { class: "heading" }, this.status, this.exact),
      this.list,
      this.end,
    );
    this.abort = new AbortController();
    this.seeing.observe(this.end);
    this.more();
  }

  close() {
    this.abort.abort();
    this.seeing.disconnect();
  }

  fields() {
    const near = state.collections.find((one) => one.name === this.name)?.bands?.near;
    this.show(this.distance ?? near ?? USUAL);
    const field = labelled(TEXT.duplicates.distance, this.slider, "threshold");
    field.append(this.shown);
    const keys = h("p", { class: "quiet for-mouse" }, TEXT.duplicates.keys);
    return h("div", { class: "row is-low" }, field, button(TEXT.duplicates.look, () => this.look()), keys);
  }

  /** @param {number} far */
  show(far) {
    this.slider.value = String(far);
    this.shown.textContent = distance(far);
  }

  look() {
    go("duplicates", { c: this.name, max: this.slider.value });
  }

  /** @param {{max_distance: number, untrained: boolean | null}} page */
  explain(page) {
    if (this.distance === null) this.show(page.max_distance);
    const warning = h("div", { class: "notice is-warning" }, h("p", {}, TEXT.duplicates.untrained));
    fill(this.warned, page.untrained ? warning : null);
  }

  async more() {
    if (this.isLoading || this.isComplete) return;
    this.isLoading = true;
    this.hasFailed = false;
    const { signal } = this.abort;
    this.status.textContent = this.groups.length ? this.status.textContent : TEXT.duplicates.looking;
    try {
      if (this.job && !this.groups.length) await this.finished(this.job, signal);
      const page = await call("GET", this.path(), { signal });
      if (signal.aborted) return;
      this.cursor = page.next;
      this.isComplete = page.next === null;
      this.explain(page);
      for (const group of page.items) this.add(group);
      this.tell();
    } catch (error) {
      if (!wasGivenUp(error) && !signal.aborted) this.fail(error);
    } finally {
      this.isLoading = false;
    }
    // Groups that are lower than the screen do not push the end out of sight.
    if (!signal.aborted && this.end.getBoundingClientRect().top < innerHeight) this.more();
  }

  path() {
    const asked = new URLSearchParams({ limit: String(PAGE), ...(this.cursor && { cursor: this.cursor }) });
    if (this.job) return `jobs/${this.job}/duplicates?${asked}`;
    if (this.distance !== null) asked.set("max_distance", String(this.distance));
    return `${collectionPath(this.name)}/duplicates?${asked}`;
  }

  /**
   * @param {string} job
   * @param {AbortSignal} signal
   */
  async finished(job, signal) {
    for (;;) {
      const now = await call("GET", `jobs/${job}`, { signal });
      if (now.finished_at) return;
      await pause(PERIOD, signal);
    }
  }

  /** Go on where something was away. */
  recover() {
    if (!this.hasFailed) return;
    fill(this.said);
    this.isComplete = false;
    this.more();
  }

  /** @param {unknown} error */
  fail(error) {
    this.hasFailed = error instanceof Problem && AWAY.has(error.status);
    this.isComplete = true;
    this.status.textContent = "";
    if (error instanceof Problem && error.status === CONFLICT && !this.job) {
      fill(this.said, h("span", {}, TEXT.duplicates.tooMany), button(TEXT.duplicates.asJob, () => this.start()));
      return;
    }
    fill(this.said, error instanceof Error ? error.message : String(error));
  }

  async start() {
    if (this.isStarting) return;
    this.isStarting = true;
    try {
      const json = this.distance === null ? {} : { max_distance: this.distance };
      const job = await call("POST", `${collectionPath(this.name)}/duplicates`, { json });
      location.hash = format("duplicates", { c: this.name, max: this.distance, job: job.id });
    } catch (error) {
      this.fail(error);
    }
    this.isStarting = false;
  }

  /** @param {import("./duplicate_group.js").Group} found */
  add(found) {
    const images = found.images.filter(isThere);
    if (images.length < 2) return;
    /** @type {DuplicateGroup} */
    const group = new DuplicateGroup({ ...found, images }, (ids) => this.resolve(group, ids));
    this.groups.push(group);
    this.list.append(group.element);
  }

  tell() {
    const left = this.groups.filter((group) => !group.element.hidden);
    if (!left.length && this.isComplete) {
      const { none, noneHint } = TEXT.duplicates;
      fill(this.status, h("div", { class: "empty" }, h("h2", {}, none), h("p", {}, noneHint)));
    } else this.status.textContent = TEXT.duplicates.found(left.length, this.isComplete);
    const exact = left.filter((group) => group.isExact);
    fill(this.exact, exact.length ? button(TEXT.duplicates.resolveExact(exact.length), () => this.resolveAll(exact)) : null);
  }

  /**
   * @param {DuplicateGroup} group
   * @param {number[]} ids none to keep all
   */
  resolve(group, ids) {
    const next = this.neighbour(group, 1) ?? this.neighbour(group, -1);
    group.element.hidden = true;
    if (ids.length) removeLater(this.name, ids, () => this.changed([group]));
    this.tell();
    next?.focus();
  }

  /** @param {DuplicateGroup[]} groups */
  async resolveAll(groups) {
    const ids = groups.flatMap((group) => group.going());
    const { sure, yes, no } = TEXT.duplicates;
    if (!ids.length || !(await confirm(sure(ids.length), yes, no))) return;
    removeLater(this.name, ids, () => this.changed(groups));
  }

  /**
   * Hide groups whose pictures are being deleted, and show those again whose pictures came back.
   * @param {DuplicateGroup[]} groups
   */
  changed(groups) {
    for (const group of groups) group.element.hidden = group.images.filter(isThere).length < group.images.length;
    this.tell();
  }

  /**
   * @param {DuplicateGroup} group
   * @param {1 | -1} by
   */
  neighbour(group, by) {
    for (let index = this.groups.indexOf(group) + by; index in this.groups; index += by) {
      if (!this.groups[index].element.hidden) return this.groups[index];
    }
    return null;
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const group = this.groups.find((one) => one.element.contains(/** @type {Node} */ (event.target)));
    if (!group || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = /** @type {Record<string, 1 | -1>} */ ({ ArrowDown: 1, ArrowUp: -1 });
    if (event.key in moves) this.neighbour(group, moves[event.key])?.focus();
    else if (!group.onKey(event)) return;
    event.preventDefault();
  }
}
