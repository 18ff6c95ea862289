// One search, whose results come page by page.

import { call, collectionPath } from "./api.js";

/** @typedef {import("./api.js").Image} Image */
/** What an address asks for: `keys` are those of pictures that people gave.
 * @typedef {{c: string, image?: number, url?: string, keys: string[], box: string, partition: string,
 *   max: number | null}} Asked */
/** @typedef {{image?: number, url?: string, pictures?: Blob[], box?: string}} Query */

const PAGE = 120;
/** How much of the answers to several pictures is merged, at most for each. */
const MERGED = 1000;
/** What the vector store goes through for one answer, at most. */
const DEEPEST = 16384;

export class SearchRun {
  /**
   * @param {string} collection
   * @param {Query} query
   * @param {string} partition empty for all
   */
  constructor(collection, query, partition) {
    this.collection = collection;
    this.query = query;
    this.partition = partition;
    /** @type {Image[]} */
    this.items = [];
    /** @type {Record<string, number>} */
    this.took = {};
    this.isComplete = false;
    this.scroll = 0;
    this.pages = 0;
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
    if ((this.query.pictures?.length ?? 0) > 1) {
      await this.loadMerged();
      return;
    }
    const page = this.pages + 1;
    const answer = await call("POST", `${collectionPath(this.collection)}/search`, {
      ...this.body({ page, page_size: PAGE, include: "size" }),
      signal: this.abort.signal,
    });
    this.pages = page;
    if (page === 1) this.took = answer.took_ms;
    this.items.push(...answer.results);
    this.isComplete = answer.results.length < PAGE || (page + 1) * PAGE > DEEPEST;
  }

  /** Find what looks like any of several pictures: the nearest of each, in one list. */
  async loadMerged() {
    const most = Math.min(MERGED, Math.floor(DEEPEST / (this.query.pictures?.length ?? 1)));
    const path = `${collectionPath(this.collection)}/search`;
    const answer = await call("POST", path, { ...this.body({ top_k: most, include: "size" }), signal: this.abort.signal });
    /** @type {Map<number, Image & {distance: number}>} */
    const nearest = new Map();
    for (const one of answer.queries.flatMap((/** @type {{results: any[]}} */ query) => query.results)) {
      if ((nearest.get(one.id)?.distance ?? Infinity) > one.distance) nearest.set(one.id, one);
    }
    this.took = answer.took_ms;
    this.items.push(...[...nearest.values()].sort((one, other) => one.distance - other.distance));
    this.isComplete = true;
  }

  /** @param {Record<string, string | number>} shape */
  body(shape) {
    const { image, url, pictures, box } = this.query;
    if (!pictures) {
      const json = { ...shape, include: ["size"], ...(image ? { image_id: image } : { url }) };
      return { json: { ...json, ...(box && { box }), ...(this.partition && { partition: this.partition }) } };
    }
    const form = new FormData();
    for (const picture of pictures) form.append("image", picture);
    for (const [name, value] of Object.entries(shape)) form.append(name, String(value));
    if (box) form.append("box", box);
    if (this.partition) form.append("partition", this.partition);
    return { form };
  }

  /** Give it up. */
  stop() {
    this.abort.abort();
  }
}
