// Jobs: start them, watch them, control them, and see what failed.

import { format } from "./address.js";
import { call, Problem, wasGivenUp } from "./api.js";
import { button, fill, h } from "./dom.js";
import { JobCard } from "./job_card.js";
import { poll } from "./polling.js";
import { startJob } from "./start_job.js";
import { TEXT } from "./strings.js";

/** @typedef {import("./api.js").Job} Job */

const PAGE = 20;

export class JobsView {
  /** @param {HTMLElement} main */
  constructor(main) {
    this.main = main;
    /** @type {Map<string, JobCard>} */
    this.cards = new Map();
    this.list = h("ul", { class: "cards", role: "list", "aria-label": TEXT.jobs.heading });
    this.none = h("div");
    this.older = button(TEXT.jobs.older, () => this.more());
    this.older.hidden = true;
    /** @type {string | null} */
    this.cursor = null;
    this.abort = new AbortController();
  }

  /** @param {URLSearchParams} parameters */
  open(parameters) {
    const start = h("a", { class: "button is-main", href: format("jobs", { start: 1 }) }, TEXT.jobs.start);
    fill(
      this.main,
      h("div", { class: "heading" }, h("h1", {}, TEXT.jobs.heading), start),
      this.none,
      this.list,
      this.older,
    );
    this.abort.abort();
    this.abort = new AbortController();
    const isFirst = this.cards.size === 0;
    poll(() => this.refresh(), this.abort.signal);
    if (parameters.has("start")) startJob(parameters.get("c"));
    else if (!isFirst) this.main.focus({ preventScroll: true });
  }

  close() {
    this.abort.abort();
  }

  async refresh() {
    const page = await call("GET", `jobs?limit=${PAGE}`, { signal: this.abort.signal });
    if (!this.cards.size) this.cursor = page.next;
    /** @type {Job[]} */
    const jobs = page.items;
    for (const job of [...jobs].reverse()) this.put(job, true);
    await this.follow(new Set(jobs.map((job) => job.id)));
    this.older.hidden = this.cursor === null;
    fill(this.none, this.cards.size ? null : this.empty());
    return true;
  }

  /**
   * Look at the older ones that are still going on.
   * @param {Set<string>} known
   */
  async follow(known) {
    for (const [id, card] of this.cards) {
      if (!known.has(id) && !card.job.finished_at) card.update(await call("GET", `jobs/${id}`, { signal: this.abort.signal }));
    }
  }

  async more() {
    if (this.older.disabled) return;
    this.older.disabled = true;
    try {
      const page = await call("GET", `jobs?limit=${PAGE}&cursor=${this.cursor}`, { signal: this.abort.signal });
      for (const job of page.items) this.put(job, false);
      this.cursor = page.next;
    } catch (error) {
      // The notice says what is wrong; the button is there for another try.
      if (!(error instanceof Problem) && !wasGivenUp(error)) throw error;
    }
    this.older.disabled = false;
    this.older.hidden = this.cursor === null;
  }

  /**
   * @param {Job} job
   * @param {boolean} isNew whether it goes to the top if it is not there
   */
  put(job, isNew) {
    const card = this.cards.get(job.id);
    if (card) {
      card.update(job);
      return;
    }
    const made = new JobCard(job);
    this.cards.set(job.id, made);
    if (isNew) this.list.prepend(made.element);
    else this.list.append(made.element);
  }

  empty() {
    return h("div", { class: "empty" }, h("h2", {}, TEXT.jobs.none), h("p", {}, TEXT.jobs.noneHint));
  }
}
