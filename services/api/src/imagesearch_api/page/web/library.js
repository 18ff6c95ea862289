// The library: which collections there are, and what is in them.

import { format, go } from "./address.js";
import { wasGivenUp } from "./api.js";
import { button, fill, h } from "./dom.js";
import { Dropping } from "./dropping.js";
import { emptyState } from "./empty.js";
import { Grid } from "./grid.js";
import { Listing } from "./listing.js";
import { partitionField } from "./partitions.js";
import { choose, filesOf } from "./pictures.js";
import { collectionOf, refresh, state } from "./state.js";
import { moment, nameOf, TEXT } from "./strings.js";
import { thumbnail } from "./thumbnail.js";
import { isThere } from "./undo.js";
import { allFiles, Uploads } from "./uploads.js";
import { Viewer } from "./viewer.js";

/** @typedef {import("./api.js").Collection} Collection */

const FINGERPRINT = 12;

export class LibraryView {
  /** @param {HTMLElement} main */
  constructor(main) {
    this.main = main;
    this.uploads = new Uploads(() => this.reload());
    this.about = h("div", { class: "collections" });
    this.said = h("div", { class: "said", role: "alert" });
    this.place = h("div");
    this.name = "";
    this.partition = "";
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
    const choosing = partitionField(this.name, this.partition, (partition) => go("library", { c: this.name, partition }));
    const fields = h("div", { class: "row is-low" }, choosing, adding);
    this.showCollections();
    this.list();
    const hint = state.info?.takes_uploads ? null : h("p", { class: "quiet" }, TEXT.library.noUploads);
    fill(
      this.main,
      h("h1", {}, TEXT.library.heading),
      this.about,
      fields,
      hint,
      this.said,
      this.uploads.element,
      this.place,
    );
    this.load();
  }

  close() {
    this.grid?.close();
    this.listing?.stop();
    this.dropping.close();
  }

  list() {
    this.grid?.close();
    this.listing?.stop();
    this.listing = new Listing(this.name, this.partition);
    this.grid = new Grid(TEXT.library.pictures, (image, box) => this.tile(image, box), () => this.load());
    fill(this.place, this.grid.element);
  }

  async reload() {
    this.list();
    await this.load();
    await refresh();
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
    const look = () => this.view(image.id);
    const picture = thumbnail(image.id, Math.max(box.width, box.height), "", image.sha256);
    const see = { type: "button", class: "tile-button", "data-focus": true, "aria-label": TEXT.library.tile(name) };
    return h("li", { class: "tile" }, h("button", { ...see, title: image.path, onclick: look }, picture));
  }

  /** @param {number} id */
  view(id) {
    const items = () => this.grid?.items ?? [];
    const shown = { collection: this.name, items, changed: () => this.show() };
    const index = items().findIndex((one) => one.id === id);
    new Viewer(shown, index, (last) => this.grid?.focus(last));
  }

  async load() {
    const { listing } = this;
    if (!listing || listing.isComplete || listing.loading) return;
    try {
      await listing.more();
    } catch (error) {
      if (wasGivenUp(error) || listing !== this.listing) return;
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
    if (items.length || !listing.isComplete) return;
    fill(this.place, empty(state.info?.takes_uploads ? TEXT.library.emptyHint : ""), grid.element);
  }

  /** @param {DataTransfer} transfer */
  take(transfer) {
    if (!state.info?.takes_uploads || !filesOf(transfer).length) return false;
    allFiles(transfer).then((files) => this.add(files));
    return true;
  }

  /** @param {File[]} files */
  add(files) {
    this.uploads.add(files, this.name, this.partition);
  }
}

/** @param {string} text */
function empty(text) {
  return h("div", { class: "empty" }, h("h2", {}, TEXT.library.empty), h("p", {}, text));
}
