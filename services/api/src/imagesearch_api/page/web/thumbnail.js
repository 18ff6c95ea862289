// Small versions of pictures, asked for again where the service was busy.

import { thumbnailUrl } from "./api.js";
import { h } from "./dom.js";
import { RECOVERED } from "./recovery.js";

const TRIES = 4;
const SIZES = [128, 256, 512];

/**
 * Make an image element for an indexed picture.
 * @param {number} id
 * @param {number} across its longer side on the screen, in CSS pixels
 * @param {string} alt
 * @param {string | null} [sha256] its digest, where that is known
 * @returns {HTMLImageElement}
 */
export function thumbnail(id, across, alt, sha256) {
  const wanted = across * Math.min(devicePixelRatio, 2);
  const url = thumbnailUrl(id, SIZES.find((size) => size >= wanted) ?? SIZES[SIZES.length - 1], sha256);
  const image = h("img", { class: "picture", alt, decoding: "async", draggable: "false" });
  let tries = 0;
  const again = () => {
    // What has scrolled away meanwhile is asked for when it comes back.
    if (image.isConnected) image.src = `${url}&again=${tries}`;
  };
  image.addEventListener("load", () => {
    image.classList.remove("is-missing");
    image.classList.add("is-loaded");
  });
  image.addEventListener("error", () => {
    tries += 1;
    if (tries >= TRIES) {
      image.classList.add("is-missing");
      addEventListener(RECOVERED, () => again(), { once: true });
      return;
    }
    setTimeout(again, 500 * 2 ** tries);
  });
  image.src = url;
  return image;
}
