// Lay pictures out in rows of equal height that fill the width, as a newspaper justifies lines.

/** @typedef {{x: number, y: number, width: number, height: number}} Box */

const NARROWEST = 0.4;
const WIDEST = 3;

/**
 * Return how wide a picture is shown for its height: very long ones are cut, or a row would hold nothing else.
 * @param {number | null | undefined} width
 * @param {number | null | undefined} height
 */
export function ratioOf(width, height) {
  if (!width || !height) return 1;
  return Math.min(WIDEST, Math.max(NARROWEST, width / height));
}

/**
 * Return a box for each picture, from the upper left.
 * @param {number[]} ratios width by height of each picture
 * @param {number} across the width to fill, in pixels
 * @param {number} target the height that rows come close to
 * @param {number} gap between pictures
 * @returns {{boxes: Box[], rows: number[], height: number}} `rows` has the index of the first picture of each row
 */
export function justify(ratios, across, target, gap) {
  /** @type {Box[]} */
  const boxes = [];
  const rows = [];
  let y = 0;
  for (let first = 0; first < ratios.length; ) {
    let sum = 0;
    let end = first;
    while (end < ratios.length && sum * target + (end - first) * gap < across) sum += ratios[end++];
    const room = across - (end - first - 1) * gap;
    // The last row is not stretched: two pictures would fill the screen.
    const height = Math.min(room / sum, end === ratios.length ? target : 2 * target);
    rows.push(first);
    let x = 0;
    for (let index = first; index < end; index += 1) {
      const width = ratios[index] * height;
      boxes.push({ x, y, width, height });
      x += width + gap;
    }
    y += height + gap;
    first = end;
  }
  return { boxes, rows, height: Math.max(0, y - gap) };
}

/**
 * Return the first and the last picture, exclusive, that touch a band of the layout.
 * @param {Box[]} boxes
 * @param {number} top
 * @param {number} bottom
 */
export function between(boxes, top, bottom) {
  const begin = search(boxes, (box) => box.y + box.height >= top);
  return [begin, Math.max(begin, search(boxes, (box) => box.y > bottom))];
}

/**
 * @param {Box[]} boxes
 * @param {(box: Box) => boolean} isBehind true from some box on
 */
function search(boxes, isBehind) {
  let low = 0;
  let high = boxes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBehind(boxes[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}
