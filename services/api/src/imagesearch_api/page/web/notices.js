// What people have to know whatever they do: the network is untrained, something is away, a key is needed.

import { AWAY, SLOW } from "./api.js";
import { button, fill, h } from "./dom.js";
import { TEXT } from "./strings.js";

/** @typedef {import("./api.js").Problem} Problem */

const DISMISSED = "untrained-is-known";
const UNAUTHORIZED = 401;

export class Notices {
  /** @param {() => void} retry */
  constructor(retry) {
    this.retry = retry;
    this.problem = h("div", { role: "alert" });
    this.untrained = h("div", { role: "status" });
    this.element = h("div", { class: "notices" }, this.problem, this.untrained);
  }

  /**
   * Hear of every answer.
   * @param {Problem | null} problem
   */
  hear(problem) {
    const text = problem && textOf(problem);
    if (text === this.problem.dataset.text) return;
    if (!text) {
      delete this.problem.dataset.text;
      fill(this.problem);
      return;
    }
    this.problem.dataset.text = text;
    const again = button(TEXT.retry, this.retry);
    fill(this.problem, h("div", { class: "notice is-problem" }, h("p", {}, text), again));
  }

  /** @param {boolean} isUntrained */
  showUntrained(isUntrained) {
    if (!isUntrained || sessionStorage.getItem(DISMISSED)) return;
    const close = button(TEXT.close, () => this.dismiss(), { icon: "close", isBare: true });
    fill(this.untrained, h("div", { class: "notice is-warning" }, h("p", {}, TEXT.notices.untrained), close));
  }

  dismiss() {
    sessionStorage.setItem(DISMISSED, "1");
    fill(this.untrained);
  }
}

/** @param {Problem} problem */
function textOf(problem) {
  if (problem.status === UNAUTHORIZED) return TEXT.notices.keyNeeded;
  if (problem.status === 0 || problem.status === SLOW) return problem.message;
  return AWAY.has(problem.status) ? TEXT.notices.away(problem.message) : "";
}
