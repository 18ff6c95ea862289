// One job: where it stands, what became of its pictures, and what can be done with it.

import { format } from "./address.js";
import { call } from "./api.js";
import { button, confirm, fill, h } from "./dom.js";
import { failureGroups } from "./failures.js";
import { count, duration, moment, TEXT } from "./strings.js";

/** @typedef {import("./api.js").Job} Job */

const OUTCOMES = /** @type {const} */ (["indexed", "unchanged", "failed", "cancelled"]);

export class JobCard {
  /** @param {Job} job */
  constructor(job) {
    this.job = job;
    this.state = h("span", { class: "badge" });
    this.bar = h("div", { class: "bar", role: "img" });
    this.facts = h("p", { class: "quiet" });
    this.error = h("p", { class: "error" });
    this.acts = h("div", { class: "row" });
    this.failed = h("details", { class: "failed", ontoggle: () => this.showFailures() });
    this.offered = "";
    this.isActing = false;
    this.failures = -1;
    this.element = h(
      "li",
      { class: "card job" },
      h("div", { class: "heading" }, h("h2", {}, this.title()), this.state),
      this.bar,
      this.facts,
      this.error,
      this.failed,
      this.acts,
    );
    this.update(job);
  }

  title() {
    const { kind, source, collection } = this.job;
    const kinds = /** @type {Record<string, string>} */ (TEXT.jobs.kinds);
    const what = kind === "index" ? ` ${source ?? TEXT.jobs.single} ${TEXT.jobs.into(collection)}` : `: ${collection}`;
    return `${kinds[kind] ?? kind}${what}`;
  }

  /** @param {Job} job */
  update(job) {
    this.job = job;
    const states = /** @type {Record<string, string>} */ (TEXT.jobs.states);
    this.state.textContent = states[job.state] ?? job.state;
    this.state.dataset.state = job.state;
    this.showBar();
    this.facts.textContent = this.sentences().join(" · ");
    this.error.textContent = job.error ?? (job.stalled ? TEXT.jobs.stalled : "");
    this.failed.hidden = !job.failed;
    if (!this.failed.firstChild) this.failed.append(h("summary", {}, TEXT.jobs.failures), h("div"));
    if (this.failed.open) this.showFailures();
    this.showActs();
  }

  showBar() {
    const { job } = this;
    const done = OUTCOMES.reduce((sum, name) => sum + job[name], 0);
    const parts = [...OUTCOMES.map((name) => /** @type {[string, number]} */ ([name, job[name]])), ["left", job.total - done]];
    fill(
      this.bar,
      parts.map(([name, number]) => {
        if (!number) return null;
        const part = h("span", { class: `part is-${name}` });
        part.style.flexGrow = String(number);
        return part;
      }),
    );
    this.bar.setAttribute("aria-label", this.outcomes() || TEXT.jobs.progress(0, job.total));
  }

  outcomes() {
    const { job } = this;
    return OUTCOMES.filter((name) => job[name])
      .map((name) => `${count(job[name])} ${TEXT.jobs.outcomes[name]}`)
      .join(", ");
  }

  sentences() {
    const { job } = this;
    const done = OUTCOMES.reduce((sum, name) => sum + job[name], 0);
    return [
      TEXT.jobs.progress(done, job.total),
      this.outcomes(),
      job.removed ? TEXT.jobs.removed(job.removed) : "",
      !job.finished_at && job.rate ? TEXT.jobs.rate(job.rate) : "",
      !job.finished_at && job.eta_seconds ? TEXT.jobs.eta(duration(job.eta_seconds)) : "",
      moment(job.finished_at ?? job.created_at),
    ].filter(Boolean);
  }

  showActs() {
    const { job } = this;
    const offered = actsOf(job);
    // Made anew only when they change: whoever has one in focus keeps it.
    const key = `${offered} ${job.finished_at}`;
    if (key === this.offered) return;
    this.offered = key;
    fill(
      this.acts,
      offered.map((act) => button(TEXT.jobs.acts[act], () => this.act(act), { kind: act === "cancel" ? "is-danger" : "" })),
      this.link(),
    );
  }

  link() {
    const { job } = this;
    if (!job.finished_at || job.state === "failed") return null;
    const [view, values, text] =
      job.kind === "duplicates"
        ? ["duplicates", { c: job.collection, job: job.id }, TEXT.jobs.seeDuplicates]
        : ["search", { c: job.collection }, TEXT.jobs.seePictures];
    return h("a", { class: "button", href: format(view, values) }, text);
  }

  /** @param {Act} act */
  async act(act) {
    const { cancelSure, cancelYes, cancelNo } = TEXT.jobs;
    if (act === "cancel" && !(await confirm(cancelSure, cancelYes, cancelNo))) return;
    // A second press would be refused: the job is no longer in the state that it was meant for.
    if (this.isActing) return;
    this.isActing = true;
    this.acts.setAttribute("aria-busy", "true");
    try {
      this.update(await call("POST", `jobs/${this.job.id}/${act}`));
    } catch (error) {
      this.error.textContent = error instanceof Error ? error.message : String(error);
    }
    this.isActing = false;
    this.acts.removeAttribute("aria-busy");
  }

  async showFailures() {
    if (!this.failed.open || this.failures === this.job.failed) return;
    const shown = this.failures;
    this.failures = this.job.failed;
    const place = /** @type {Element} */ (this.failed.lastElementChild);
    try {
      fill(place, await failureGroups(this.job.id));
    } catch (error) {
      this.failures = shown;
      if (!place.firstChild) fill(place, h("p", { class: "error" }, error instanceof Error ? error.message : String(error)));
    }
  }
}

/** @typedef {"pause" | "resume" | "cancel" | "retry"} Act */

/**
 * @param {Job} job
 * @returns {Act[]}
 */
function actsOf(job) {
  if (job.state === "paused") return ["resume", "cancel"];
  if (job.state === "planning" || job.state === "running") return ["pause", "cancel"];
  return job.finished_at && job.state !== "cancelled" && (job.failed || job.error) ? ["retry"] : [];
}
