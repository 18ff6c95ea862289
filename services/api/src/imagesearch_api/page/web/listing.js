// The pictures of a collection, page by page.

import { call, collectionPath } from "./api.js";

/** @typedef {import("./api.js").Image} Image */

const PAGE = 200;

export class Listing {
  /**
   * @param {string} collection
   * @param {string} partition empty for all
   */
  constructor(collection, partition = "") {
    this.collection = collection;
    this.partition = partition;
    /** @type {Image[]} */
    this.items = [];
    this.isComplete = false;
    this.scroll = 0;
    /** @type {string | null} */
    this.cursor = null;
    /** @type {Promise<void> | null} */
    this.loading = null;
    this.abort = new AbortController();
  }

  /** Load the next page, unless it is being loaded. */
  more() {
    this.loading ??= this.load().finally(() => {
      this.loading = null;
    });
    return this.loading;
  }

  async load() {
    if (this.isComplete) return;
    const asked = new URLSearchParams({ limit: String(PAGE) });
    if (this.cursor) asked.set("cursor", this.cursor);
    if (this.partition) asked.set("partition", this.partition);
    const page = await call("GET", `${collectionPath(this.collection)}/images?${asked}`, { signal: this.abort.signal });
    this.items.push(...page.items);
    this.cursor = page.next;
    this.isComplete = page.next === null;
  }

  /** Give it up. */
  stop() {
    this.abort.abort();
  }
}
