// What comes page by page, and can be given up while it comes.

/** @typedef {import("./api.js").Image} Image */

export class Paged {
  constructor() {
    /** @type {Image[]} */
    this.items = [];
    this.isComplete = false;
    this.scroll = 0;
    /** @type {Promise<void> | null} */
    this.loading = null;
    this.abort = new AbortController();
  }

  /** Load the next page, unless it is being loaded. */
  more() {
    if (this.loading) return this.loading;
    const loading = this.load(this.abort.signal).finally(() => {
      if (this.loading === loading) this.loading = null;
    });
    this.loading = loading;
    return loading;
  }

  /**
   * @param {AbortSignal} _signal
   * @returns {Promise<void>}
   */
  async load(_signal) {
    this.isComplete = true;
  }

  /** Give up what is being loaded; it can be asked for again. */
  stop() {
    this.abort.abort();
    this.abort = new AbortController();
    this.loading = null;
  }
}
