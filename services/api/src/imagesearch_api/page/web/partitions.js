// Choose a partition of a collection, of those that hold pictures.

import { call, collectionPath } from "./api.js";
import { fill, h, labelled } from "./dom.js";
import { TEXT } from "./strings.js";

/**
 * Return a field that is filled when the partitions are known, and hidden where there are none.
 * @param {string} collection
 * @param {string} current empty for all
 * @param {(partition: string) => void} choose
 * @returns {HTMLElement}
 */
export function partitionField(collection, current, choose) {
  const select = h("select", { onchange: () => choose(select.value) });
  const field = labelled(TEXT.partition, select);
  const show = (/** @type {string[]} */ names) => {
    const all = [...new Set([...names, current])].filter(Boolean);
    const options = all.map((name) => h("option", { value: name, selected: name === current }, name));
    fill(select, h("option", { value: "" }, TEXT.everyPartition), options);
    field.hidden = all.length === 0;
  };
  show([]);
  call("GET", `${collectionPath(collection)}/partitions`).then(
    (page) => show(page.items.map((/** @type {{name: string}} */ one) => one.name)),
    // One can search without; the notice says what is wrong.
    () => {},
  );
  return field;
}
