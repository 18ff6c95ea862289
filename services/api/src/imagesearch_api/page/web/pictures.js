// The pictures that people gave to this page, as long as it is open, and how they give them.

import { state } from "./state.js";
import { size, TEXT } from "./strings.js";

/** @type {Map<string, {file: File, url: string}>} */
const given = new Map();
/** How many are kept, so that Back finds them. */
const MOST = 200;

/**
 * Keep a picture and return its key.
 * @param {File} file
 */
export function keep(file) {
  for (const [key, one] of given) if (one.file === file) return key;
  const key = Math.random().toString(36).slice(2, 10);
  given.set(key, { file, url: URL.createObjectURL(file) });
  for (const [oldest, one] of given) {
    if (given.size <= MOST) break;
    URL.revokeObjectURL(one.url);
    given.delete(oldest);
  }
  return key;
}

/** @param {string} key */
export const kept = (key) => given.get(key) ?? null;

/**
 * Return why a file cannot be searched by; null where it may be sent.
 * @param {File} file
 */
export function whyNot(file) {
  if (file.type && !file.type.startsWith("image/")) return TEXT.search.noPicture;
  const most = state.info?.max_upload_bytes;
  return most && file.size > most ? TEXT.search.tooLarge(size(most)) : null;
}

/**
 * Return the files of something dropped or pasted.
 * @param {DataTransfer | null} transfer
 */
export const filesOf = (transfer) => [...(transfer?.files ?? [])];

/**
 * Return the web address in something dropped or pasted.
 * @param {DataTransfer | null} transfer
 */
export function addressOf(transfer) {
  const text = transfer?.getData("text/uri-list") || transfer?.getData("text/plain") || "";
  const first = text.split("\n").find((line) => line && !line.startsWith("#"))?.trim();
  return first && /^https?:\/\/\S+$/.test(first) ? first : null;
}

/**
 * Open the chooser of files of the operating system.
 * @param {(files: File[]) => void} take
 * @param {{several?: boolean, fromCamera?: boolean, isFolder?: boolean}} [options]
 */
export function choose(take, options = {}) {
  const input = document.createElement("input");
  input.type = "file";
  // Not every system knows these endings for pictures.
  input.accept = "image/*,.heic,.heif,.hif,.avif";
  input.multiple = options.several ?? false;
  if (options.isFolder) input.webkitdirectory = true;
  if (options.fromCamera) input.setAttribute("capture", "environment");
  input.addEventListener("change", () => take([...(input.files ?? [])]));
  input.click();
}
