// What people ask of metadata, as it stands in an address and as the API takes it.

/** @typedef {{op: "eq" | "ge" | "le", field: string, value: string | number | boolean}} Condition */

const OPS = new Set(["eq", "ge", "le"]);

/**
 * Return the conditions of a filter that this page wrote; null where it is any other.
 * @param {string} where JSON, or nothing
 * @returns {Condition[] | null}
 */
export function conditionsOf(where) {
  if (!where) return [];
  try {
    const filter = JSON.parse(where);
    const parts = Array.isArray(filter.and) ? filter.and : [filter];
    const found = parts.map(conditionOf);
    return found.every(Boolean) ? found : null;
  } catch {
    return null;
  }
}

/**
 * @param {any} part
 * @returns {Condition | null}
 */
function conditionOf(part) {
  const [[op, body], ...others] = Object.entries(part);
  if (others.length || !OPS.has(op) || !Array.isArray(body) || body.length !== 2) return null;
  const [field, value] = body;
  const isKnown = typeof field === "string" && ["string", "number", "boolean"].includes(typeof value);
  return isKnown ? { op: /** @type {Condition["op"]} */ (op), field, value } : null;
}

/**
 * Write conditions, all of which have to hold, as a filter; none is no filter.
 * @param {Condition[]} conditions
 */
export function whereOf(conditions) {
  const parts = conditions.map(({ op, field, value }) => ({ [op]: [field, value] }));
  if (!parts.length) return "";
  return JSON.stringify(parts.length === 1 ? parts[0] : { and: parts });
}
