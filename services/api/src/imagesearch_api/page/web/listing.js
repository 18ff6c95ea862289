// The pictures of a collection, page by page.

import { call, collectionPath } from "./api.js";
import { Paged } from "./paged.js";

const PAGE = 200;

export class Listing extends Paged {
  /**
   * @param {string} collection
   * @param {string} partition empty for all
   * @param {string} where the filter as JSON, empty for none
   */
  constructor(collection, partition = "", where = "") {
    super();
    this.collection = collection;
    this.partition = partition;
    this.where = where;
    /** @type {string | null} */
    this.cursor = null;
  }

  /**
   * @override
   * @param {AbortSignal} signal
   */
  async load(signal) {
    if (this.isComplete) return;
    const asked = new URLSearchParams({ limit: String(PAGE) });
    if (this.cursor) asked.set("cursor", this.cursor);
    if (this.partition) asked.set("partition", this.partition);
    if (this.where) asked.set("filter", this.where);
    const page = await call("GET", `${collectionPath(this.collection)}/images?${asked}`, { signal });
    this.items.push(...page.items);
    this.cursor = page.next;
    this.isComplete = page.next === null;
  }
}
