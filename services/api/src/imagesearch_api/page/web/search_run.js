// One search, whose results come page by page.

import { call, collectionPath } from "./api.js";
import { Paged } from "./paged.js";

/** @typedef {import("./api.js").Image} Image */
/** What an address asks for: `keys` are those of pictures that people gave.
 * @typedef {{c: string, image?: number, url?: string, keys: string[], box: string, partition: string,
 *   where: string, max: number | null}} Asked */
/** @typedef {{image?: number, url?: string, pictures?: Blob[], box?: string}} Query */

const PAGE = 120;
/** How much of the answers to several pictures is merged, at most for each. */
const MERGED = 1000;
/** What the vector store goes through for one answer, at most. */
const DEEPEST = 16384;

export class SearchRun extends Paged {
  /**
   * @param {string} collection
   * @param {Query} query
   * @param {string} partition empty for all
   * @param {string} where the filter as JSON, empty for none
   */
  constructor(collection, query, partition, where) {
    super();
    this.collection = collection;
    this.query = query;
    this.partition = partition;
    this.where = where;
    /** @type {Record<string, number>} */
    this.took = {};
    this.pages = 0;
  }

  /**
   * @override
   * @param {AbortSignal} signal
   */
  async load(signal) {
    if (this.isComplete) return;
    if ((this.query.pictures?.length ?? 0) > 1) {
      await this.loadMerged(signal);
      return;
    }
    const page = this.pages + 1;
    const answer = await call("POST", `${collectionPath(this.collection)}/search`, {
      ...this.body({ page, page_size: PAGE, include: "size" }),
      signal,
    });
    this.pages = page;
    if (page === 1) this.took = answer.took_ms;
    this.items.push(...answer.results);
    this.isComplete = answer.results.length < PAGE || (page + 1) * PAGE > DEEPEST;
  }

  /**
   * Find what looks like any of several pictures: the nearest of each, in one list.
   * @param {AbortSignal} signal
   */
  async loadMerged(signal) {
    const most = Math.min(MERGED, Math.floor(DEEPEST / (this.query.pictures?.length ?? 1)));
    const path = `${collectionPath(this.collection)}/search`;
    const answer = await call("POST", path, { ...this.body({ top_k: most, include: "size" }), signal });
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
      const partition = this.partition && { partition: this.partition };
      return { json: { ...json, ...(box && { box }), ...partition, ...(this.where && { filter: filterOf(this.where) }) } };
    }
    const form = new FormData();
    for (const picture of pictures) form.append("image", picture);
    for (const [name, value] of Object.entries(shape)) form.append(name, String(value));
    if (box) form.append("box", box);
    if (this.partition) form.append("partition", this.partition);
    if (this.where) form.append("filter", this.where);
    return { form };
  }
}

/**
 * Return a filter as the API takes it; what is none is sent as it is, and the answer says what is wrong with it.
 * @param {string} where
 */
function filterOf(where) {
  try {
    return JSON.parse(where);
  } catch {
    return where;
  }
}
