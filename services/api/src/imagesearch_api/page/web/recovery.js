// Go on by itself when what was away is back.

import { answers, AWAY, pause } from "./api.js";

/** The event that says so to whatever waits. */
export const RECOVERED = "recovered";
const FIRST = 2000;
const LONGEST = 30_000;

export class Recovery {
  /** @param {() => void} recovered is called when the stores answer again */
  constructor(recovered) {
    this.recovered = recovered;
    this.isWaiting = false;
    this.wait = FIRST;
    this.last = -Infinity;
  }

  /**
   * Hear of every answer.
   * @param {import("./api.js").Problem | null} problem
   */
  hear(problem) {
    if (problem && AWAY.has(problem.status) && !this.isWaiting) this.look();
  }

  async look() {
    this.isWaiting = true;
    do await pause(this.wait);
    while (document.hidden || !(await answers()));
    this.isWaiting = false;
    const isLongAgo = performance.now() - this.last > LONGEST;
    // Whatever fails again at once is asked for more and more seldom.
    this.wait = isLongAgo ? FIRST : Math.min(LONGEST, 2 * this.wait);
    this.last = performance.now();
    this.recovered();
  }
}
