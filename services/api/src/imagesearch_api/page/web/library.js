// The library: which collections there are, and what is in them.

import { format, go } from "./address.js";
import { wasGivenUp } from "./api.js";
import { button, fill, h } from "./dom.js";
import { Dropping } from "./dropping.js";
import { emptyState, waiting } from "./empty.js";
import { filterFields } from "./filters.js";
import { Grid } from "./grid.js";
import { Listing } from "./listing.js";
import { choose, filesOf } from "./pictures.js";
import { collectionOf, refresh, state } from "./state.js";
import { moment, nameOf, TEXT } from "./strings.js";
import { thumbnail } from "./thumbnail.js";
import { isThere } from "./undo.js";
import { allFiles, Uploads } from "./uploads.js";
import { see } from "./viewer.js";

/** @typedef {import("./api.js").Collection} Collection */

const FINGERPRINT = 12;
/** Goes on whatever people look at meanwhile. */
const uploads = new Uploads();

export class LibraryView {
  /** @param {HTMLElement} main */
  constructor(main) {
    this.main = main;
    this.about = h("div", { class: "collections" });
    this.said = h("div", { class: "said", role: "alert" });
    this.found = h("div", { class: "status", role: "status" });
    this.place = h("div");
    this.hasFailed = false;
    this.name = "";
    this.partition = "";
    this.where = "";
    /** @type {Grid | null} */
    this.grid = null;
    /** @type {Listing | null} */
    this.listing = null;
    const may = (/** @type {readonly string[]} */ types) => Boolean(state.info?.takes_uploads) && types.includes("Files");
    this.dropping = new Dropping(TEXT.library.dropNow, may, (transfer) => this.take(transfer));
  }

  /** @param {URLSearchParams} parameters */
  open(parameters) {
    const name = collectionOf(parameters);
    if (name === null && !state.info?.takes_uploads) {
      fill(this.main, emptyState(TEXT.empty.noCollections));
      return;
    }
    this.name = name ?? "default";
    this.partition = parameters.get("partition") ?? "";
    const adding = state.info?.takes_uploads
      ? [
          button(TEXT.library.add, () => choose((files) => this.add(files), { several: true }), { icon: "add", kind: "is-main" }),
          button(TEXT.library.addFolder, () => choose((files) => this.add(files), { isFolder: true }), { icon: "folder" }),
        ]
      : [];
    this.where = parameters.get("where") ?? "";
    const now = { c: this.name, partition: this.partition, where: this.where };
    const choosing = filterFields(now, (by) => go("library", { ...now, ...by }));
    uploads.done = () => this.reload();
    this.showCollections();
    this.list();
    const hint = state.info?.takes_uploads ? null : h("p", { class: "quiet" }, TEXT.library.noUploads);
    fill(
      this.main,
      h("div", { class: "heading" }, h("h1", {}, TEXT.library.heading), h("div", { class: "row" }, adding)),
      this.about,
      choosing,
      hint,
      this.said,
      uploads.element,
      this.found,
      this.place,
    );
    this.load();
  }

  /** Go on where something was away. */
  recover() {
    if (!this.hasFailed) return;
    this.hasFailed = false;
    fill(this.said);
    this.load();
  }

  close() {
    uploads.done = () => {};
    this.grid?.close();
    this.listing?.stop();
    this.dropping.close();
  }

  list() {
    this.hasFailed = false;
    fill(this.said);
    this.grid?.close();
    this.listing?.stop();
    this.listing = new Listing(this.name, this.partition, this.where);
    this.grid = new Grid(TEXT.library.pictures, (image, box) => this.tile(image, box), () => this.load());
    fill(this.place, waiting(TEXT.loading), this.grid.element);
  }

  async reload() {
    this.list();
    await this.load();
    try {
      await refresh();
    } catch {
      // The notice says what is wrong; the numbers are of before.
      return;
    }
    this.showCollections();
  }

  showCollections() {
    fill(this.about, state.collections.map((one) => this.card(one)));
  }

  /** @param {Collection} one */
  card(one) {
    const { library } = TEXT;
    const facts = [
      [library.network, one.model?.split(":")[0] ?? library.noNetwork],
      [library.fingerprint, one.fingerprint?.slice(0, FINGERPRINT) ?? "–"],
      [library.index, one.index_type],
      [library.since, moment(one.created_at)],
    ];
    const isChosen = one.name === this.name;
    return h(
      "section",
      { class: `card collection ${isChosen ? "is-chosen" : ""}` },
      h("h2", {}, h("a", { href: format("library", { c: one.name }), "aria-current": isChosen ? "true" : null }, one.name)),
      h("p", {}, library.images(one.images)),
      h("dl", { class: "facts" }, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    );
  }

  /**
   * @param {import("./api.js").Image} image
   * @param {import("./justify.js").Box} box
   */
  tile(image, box) {
    const name = nameOf(image.path);
    const look = () => this.see(image.id);
    const picture = thumbnail(image.id, Math.max(box.width, box.height), "", image.sha256);
    const see = { type: "button", class: "tile-button", "data-focus": true, "aria-label": TEXT.library.tile(name) };
    return h("li", { class: "tile" }, h("button", { ...see, title: image.path, onclick: look }, picture));
  }

  /** @param {number} id */
  see(id) {
    const items = () => this.grid?.items ?? [];
    const shown = { collection: this.name, items, changed: () => this.show() };
    see(shown, id, (last) => this.grid?.focus(last));
  }

  async load() {
    const { listing } = this;
    // What failed is asked for again when that may help, not with every movement.
    if (!listing || listing.isComplete || listing.loading || this.hasFailed) return;
    try {
      await listing.more();
    } catch (error) {
      if (wasGivenUp(error) || listing !== this.listing) return;
      if (this.grid) fill(this.place, this.grid.element);
      this.hasFailed = true;
      fill(this.said, error instanceof Error ? error.message : String(error));
      return;
    }
    if (listing === this.listing) this.show();
  }

  show() {
    const { listing, grid } = this;
    if (!listing || !grid) return;
    const items = listing.items.filter(isThere);
    grid.show(items, listing.isComplete);
    this.found.textContent = items.length ? TEXT.search.found(items.length, listing.isComplete) : "";
    if (!items.length) fill(this.place, listing.isComplete ? this.nothing() : waiting(TEXT.loading), grid.element);
    else if (this.place.firstChild !== grid.element) this.place.firstChild?.remove();
  }

  nothing() {
    const { library, search } = TEXT;
    if (this.where || this.partition) return empty(search.filtered, search.filteredHint);
    return empty(library.empty, state.info?.takes_uploads ? library.emptyHint : "");
  }

  /** @param {DataTransfer} transfer */
  take(transfer) {
    if (!state.info?.takes_uploads || !filesOf(transfer).length) return false;
    allFiles(transfer).then((files) => this.add(files));
    return true;
  }

  /** @param {File[]} files */
  add(files) {
    uploads.add(files, this.name, this.partition);
  }
}

/**
 * @param {string} title
 * @param {string} text
 */
function empty(title, text) {
  return h("div", { class: "empty" }, h("h2", {}, title), h("p", {}, text));
}
