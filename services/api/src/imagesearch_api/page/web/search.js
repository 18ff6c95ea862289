// The search: what looks like this?

import { format, go, note } from "./address.js";
import { fileUrl, Problem, wasGivenUp } from "./api.js";
import { button, fill, h } from "./dom.js";
import { Dropping } from "./dropping.js";
import { emptyState, waiting } from "./empty.js";
import { Grid } from "./grid.js";
import { Listing } from "./listing.js";
import { addressOf, filesOf, keep, kept, whyNot } from "./pictures.js";
import { invitation, queryBar, Threshold } from "./query.js";
import { SearchRun } from "./search_run.js";
import { stages } from "./stages.js";
import { collectionOf, state } from "./state.js";
import { distance, nameOf, TEXT } from "./strings.js";
import { thumbnail } from "./thumbnail.js";
import { isThere } from "./undo.js";
import { see } from "./viewer.js";

/** @typedef {import("./api.js").Image} Image */
/** @typedef {import("./justify.js").Box} Box */
/** @typedef {import("./search_run.js").Asked} Asked */

/** Searches and lists that Back returns to, by what they ask. */
const runs = new Map();
const MOST_RUNS = 20;
/** How many pictures are searched by at once: they are sent in one request. */
const MOST_PICTURES = 16;

export class SearchView {
  /** @param {HTMLElement} main */
  constructor(main) {
    this.main = main;
    /** @type {SearchRun | Listing | null} */
    this.run = null;
    /** @type {Grid | null} */
    this.grid = null;
    /** @type {Threshold | null} */
    this.threshold = null;
    /** @type {Asked | null} */
    this.asked = null;
    this.hasFailed = false;
    this.status = h("div", { class: "status", role: "status" });
    this.said = h("div", { class: "said", role: "alert" });
    const may = (/** @type {readonly string[]} */ types) =>
      types.includes("Files") || Boolean(state.info?.searches_by_url && types.includes("text/uri-list"));
    this.dropping = new Dropping(TEXT.search.dropNow, may, (transfer) => this.given(transfer));
  }

  /** @param {URLSearchParams} parameters */
  open(parameters) {
    this.leave();
    const name = collectionOf(parameters);
    if (name === null) {
      fill(this.main, emptyState(TEXT.empty.noCollections));
      return;
    }
    this.asked = read(name, parameters);
    if (this.asked.keys.some((key) => !kept(key))) {
      const again = invitation(this.actions());
      fill(this.main, h("div", { class: "empty" }, h("h2", {}, TEXT.search.lost), h("p", {}, TEXT.search.lostHint)), again);
      return;
    }
    const { asked } = this;
    const isSearch = Boolean(asked.image || asked.url || asked.keys.length);
    this.run = this.runOf(asked, isSearch);
    this.grid = new Grid(
      isSearch ? TEXT.search.results : TEXT.search.pictures,
      (image, box) => this.tile(image, box),
      () => this.load(),
    );
    this.threshold = isSearch ? new Threshold(asked.max, (value) => this.limit(value)) : null;
    const act = {
      change: (/** @type {Partial<Asked>} */ by) => go("search", valuesOf({ ...asked, max: null, ...by })),
      add: (/** @type {File[]} */ files) => this.take(files, asked.keys),
    };
    const above = this.threshold ? queryBar(asked, act, this.threshold.element) : invitation(this.actions());
    const under = isSearch ? null : h("h2", { class: "begin" }, TEXT.search.begin);
    fill(this.main, above, this.said, under, this.status, this.grid.element);
    this.show();
    if (this.run.scroll) scrollTo(0, this.run.scroll);
    if (!this.run.items.length) this.load();
  }

  leave() {
    if (this.run) this.run.scroll = scrollY;
    // Nobody waits for it any more; whoever comes back asks again.
    if (this.run?.loading) this.run.stop();
    this.said.textContent = "";
    this.hasFailed = false;
    this.grid?.close();
    this.grid = null;
    this.run = null;
  }

  /** Go on where something was away. */
  recover() {
    if (!this.hasFailed) return;
    this.hasFailed = false;
    fill(this.said);
    this.load();
  }

  close() {
    this.leave();
    this.dropping.close();
  }

  actions() {
    return {
      take: (/** @type {File[]} */ files) => this.take(files),
      takeUrl: (/** @type {string} */ url) => this.ask({ url }),
    };
  }

  /**
   * @param {Asked} asked
   * @param {boolean} isSearch
   * @returns {SearchRun | Listing}
   */
  runOf(asked, isSearch) {
    const key = format("", { ...asked, max: null, keys: asked.keys.join() });
    const found = runs.get(key);
    runs.delete(key);
    const pictures = asked.keys.flatMap((one) => kept(one)?.file ?? []);
    const query = { image: asked.image, url: asked.url, box: asked.box, ...(pictures.length && { pictures }) };
    const run = found ?? (isSearch ? new SearchRun(asked.c, query, asked.partition, asked.where) : new Listing(asked.c));
    // A list of the collection grows old; results of a search are what Back should show again.
    if (isSearch) runs.set(key, run);
    if (runs.size > MOST_RUNS) runs.delete(runs.keys().next().value);
    return run;
  }

  /**
   * @param {Image} image
   * @param {Box} box
   */
  tile(image, box) {
    const name = nameOf(image.path);
    const far = image.distance === undefined ? null : distance(image.distance);
    const label = far === null ? TEXT.search.browsed(name) : TEXT.search.tile(name, far);
    const { c, partition, where } = this.asked ?? {};
    const href = format("search", { c, image: image.id, partition, where });
    return h(
      "li",
      { class: "tile" },
      h(
        "a",
        { href, "data-focus": true, "aria-label": label, title: image.path },
        thumbnail(image.id, Math.max(box.width, box.height), "", image.sha256),
        far !== null && h("span", { class: "distance" }, far),
      ),
      button(TEXT.viewer.about(name), () => this.see(image.id), { kind: "tile-more", icon: "about", isBare: true }),
    );
  }

  /** @param {number} id */
  see(id) {
    const { asked } = this;
    if (!asked) return;
    const items = () => this.grid?.items ?? [];
    const query = asked.image ? fileUrl(asked.image) : asked.keys.length === 1 ? kept(asked.keys[0])?.url : null;
    // Of a part of a picture more is shown than is compared.
    const by = asked.box ? null : asked.image ? { image: asked.image } : { picture: kept(asked.keys[0])?.file };
    const shown = { collection: asked.c, items, query, by, changed: () => this.show() };
    see(shown, id, (last) => this.grid?.focus(last));
  }

  async load() {
    const { run } = this;
    // What failed is asked for again when that may help, not with every movement.
    if (!run || run.isComplete || run.loading || this.hasFailed) return;
    const coming = run.more();
    if (!run.items.length) this.tell(0, false, run);
    try {
      await coming;
      if (run === this.run) this.show();
    } catch (error) {
      if (wasGivenUp(error) || run !== this.run) return;
      this.fail(error instanceof Problem ? error : new Problem(0, String(error)));
    }
  }

  /** @param {Problem} problem */
  fail(problem) {
    this.hasFailed = true;
    this.status.textContent = "";
    const again = button(TEXT.retry, () => this.recover());
    fill(this.said, h("span", {}, `${TEXT.search.failed} ${problem.message}`), again);
  }

  show() {
    const { run, grid, threshold } = this;
    if (!run || !grid) return;
    const farthest = run.items.at(-1)?.distance ?? 0;
    threshold?.reach(farthest);
    const most = threshold?.value ?? null;
    const end = most === null ? -1 : run.items.findIndex((image) => (image.distance ?? 0) > most);
    const shown = (end < 0 ? run.items : run.items.slice(0, end)).filter(isThere);
    const isComplete = run.isComplete || end >= 0;
    grid.show(shown, isComplete);
    this.tell(shown.length, isComplete, run);
  }

  /**
   * @param {number} shown
   * @param {boolean} isComplete
   * @param {SearchRun | Listing} run
   */
  tell(shown, isComplete, run) {
    if (!shown && isComplete) {
      fill(this.status, this.nothing(run));
      return;
    }
    if (!shown && run.loading) {
      fill(this.status, waiting(this.threshold ? TEXT.search.searching : TEXT.loading));
      return;
    }
    const took = run instanceof SearchRun ? run.took : {};
    fill(this.status, shown ? h("span", {}, TEXT.search.found(shown, isComplete)) : null, stages(took));
  }

  /** @param {SearchRun | Listing} run */
  nothing(run) {
    if (run instanceof Listing) return emptyState(TEXT.empty.noPictures);
    const isNear = run.items.length > 0;
    const { search } = TEXT;
    const none = this.asked?.where || this.asked?.partition ? [search.filtered, search.filteredHint] : [search.nothing, search.nothingHint];
    const [text, hint] = isNear ? [search.tooFar, search.tooFarHint] : none;
    return h("span", { class: "empty" }, h("strong", {}, text), h("span", {}, hint));
  }

  /** @param {number | null} value */
  limit(value) {
    if (!this.asked) return;
    this.asked.max = value;
    note("search", valuesOf(this.asked));
    this.show();
  }

  /** @param {DataTransfer} transfer */
  given(transfer) {
    const files = filesOf(transfer);
    const url = state.info?.searches_by_url ? addressOf(transfer) : null;
    if (files.length) this.take(files);
    else if (url) this.ask({ url });
    else return false;
    return true;
  }

  /**
   * @param {File[]} files
   * @param {string[]} [before] the keys of those that are searched by already
   */
  take(files, before = []) {
    const reasons = files.map(whyNot);
    const good = files.filter((_, index) => reasons[index] === null);
    if (!good.length) {
      this.said.textContent = reasons[0] ?? TEXT.search.noPicture;
      return;
    }
    this.ask({ picture: [...before, ...good.map(keep)].slice(0, MOST_PICTURES).join() });
  }

  /** @param {{picture?: string, url?: string}} by */
  ask(by) {
    const { asked } = this;
    go("search", { c: asked?.c ?? collectionOf(new URLSearchParams()), partition: asked?.partition, where: asked?.where, ...by });
  }
}

/**
 * @param {string} name
 * @param {URLSearchParams} parameters
 * @returns {Asked}
 */
function read(name, parameters) {
  const max = Number.parseFloat(parameters.get("max") ?? "");
  return {
    c: name,
    image: Number(parameters.get("image")) || undefined,
    url: (state.info?.searches_by_url && parameters.get("url")) || undefined,
    keys: parameters.get("picture")?.split(",") ?? [],
    box: parameters.get("box") ?? "",
    partition: parameters.get("partition") ?? "",
    where: parameters.get("where") ?? "",
    max: Number.isFinite(max) ? max : null,
  };
}

/** @param {Asked} asked */
function valuesOf(asked) {
  const { keys, max, ...rest } = asked;
  return { ...rest, picture: keys.join(), max: max?.toPrecision(4) };
}
