// What failed in a job, by cause, with what to do about it.

import { call } from "./api.js";
import { h } from "./dom.js";
import { count, TEXT } from "./strings.js";

/** How many are read: a job may have failed a million times for one reason. */
const MOST = 1000;
/** How many paths are named for each cause. */
const NAMED = 50;

/**
 * Return the failures of a job as elements.
 * @param {string} job
 */
export async function failureGroups(job) {
  const page = await call("GET", `jobs/${job}/failures?limit=${MOST}`);
  /** @type {Map<string, {path: string, reason: string}[]>} */
  const groups = new Map();
  for (const failure of page.items) {
    const group = groups.get(failure.code) ?? [];
    group.push(failure);
    groups.set(failure.code, group);
  }
  const sorted = [...groups].sort(([, one], [, other]) => other.length - one.length);
  return [
    ...sorted.map(([code, group]) => groupOf(code, group)),
    page.next && h("p", { class: "quiet" }, TEXT.jobs.failuresCut(page.items.length)),
  ];
}

/**
 * @param {string} code
 * @param {{path: string, reason: string}[]} group
 */
function groupOf(code, group) {
  const [title, advice] = TEXT.failures[code] ?? [code, ""];
  const rows = group.slice(0, NAMED).map(({ path, reason }) => h("li", {}, h("span", { class: "path" }, path), ` ${reason}`));
  return h(
    "section",
    { class: "failure-group" },
    h("h3", {}, `${title} (${count(group.length)})`),
    h("p", {}, advice),
    h("details", {}, h("summary", {}, code), h("ul", {}, rows)),
  );
}
