// Speak with the API. Addresses are relative, so that the page works behind any prefix.

import { TEXT } from "./strings.js";

/** @typedef {{id: number, path: string, distance?: number, width?: number | null, height?: number | null,
 *   bytes?: number | null, format?: string | null, partition?: string, metadata?: Record<string, any>,
 *   sha256?: string | null, indexed_at?: string | null,
 *   job?: string | null}} Image */
/** @typedef {{name: string, images: number, model: string | null, fingerprint: string | null,
 *   bands: {same: number, near: number, similar: number} | null, index_type: string, created_at: string}} Collection */
/** @typedef {{id: string, kind: string, collection: string, source: string | null, state: string, total: number,
 *   indexed: number, unchanged: number, failed: number, cancelled: number, removed: number, rate: number | null,
 *   eta_seconds: number | null, stalled: boolean, error: string | null, created_at: string,
 *   finished_at: string | null}} Job */

const BASE = "api/v2/";
const ATTEMPTS = 4;
/** Of one picture among many: others take the places meanwhile. */
const SENDING_ATTEMPTS = 20;

/** What went wrong, as the API says it. A status of 0 means that nothing answered, `SLOW` that nothing has yet. */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {string} detail
   * @param {number} seconds after which it may be tried again
   */
  constructor(status, detail, seconds = 2) {
    super(detail);
    this.status = status;
    this.seconds = seconds;
  }
}

const UNAUTHORIZED = 401;
const BUSY = 429;
/** Statuses that mean: later. Nothing answered, or something behind the API does not. */
export const AWAY = new Set([0, 502, 503, 504]);
/** How often one picture is sent while the service is away, which is for some ten minutes. */
const AWAY_ATTEMPTS = 60;
const LONGEST_PAUSE = 10;
/** Stands in the place of a status while an answer is still waited for. */
export const SLOW = -1;
/** Milliseconds after which people are told that an answer takes long. */
const LONG = 10_000;
/** How many sessions have begun here: what was sent before the last one is refused for want of a key no longer. */
let logins = 0;
/** @type {() => Promise<boolean>} */
let askForKey = async () => false;
/** @type {(problem: Problem | null) => void} */
let tell = () => {};

/**
 * Say who asks people for a key, and who hears whether the API answers.
 * @param {() => Promise<boolean>} ask
 * @param {(problem: Problem | null) => void} hear
 */
export function connect(ask, hear) {
  askForKey = ask;
  tell = hear;
}

/**
 * Begin a session under a key.
 * @param {string} key
 * @returns {Promise<void>}
 */
export async function login(key) {
  await once("POST", "session", { headers: { Authorization: `Bearer ${key}` } });
  logins += 1;
}

/**
 * End the session; one that has ended already is no trouble.
 * @returns {Promise<void>}
 */
export async function logout() {
  try {
    await once("DELETE", "session", {});
  } catch (error) {
    if (error instanceof Problem && error.status === UNAUTHORIZED) return;
    if (error instanceof Problem) tell(error);
    throw error;
  }
}

/**
 * Tell whether a request that was refused may be sent again: there is a key now.
 * @param {unknown} error
 * @param {number} before how many sessions had begun when it was sent
 * @returns {Promise<boolean>}
 */
async function hasKeyNow(error, before) {
  if (!(error instanceof Problem) || error.status !== UNAUTHORIZED) return false;
  return before !== logins || (await askForKey());
}

/**
 * Send a request and return what is answered; null where nothing is.
 * @param {string} method
 * @param {string} path
 * @param {{json?: unknown, form?: FormData, signal?: AbortSignal, headers?: Record<string, string>}} [options]
 * @returns {Promise<any>}
 */
export async function call(method, path, options = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const before = logins;
    try {
      const answer = await once(method, path, options);
      tell(null);
      return answer;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (await hasKeyNow(error, before)) continue;
      // A request that is turned away as one too many has done nothing.
      if (error.status !== BUSY || attempt === ATTEMPTS) {
        tell(error);
        throw error;
      }
      await pause(error.seconds * 1000, options.signal);
    }
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {{json?: unknown, form?: FormData, signal?: AbortSignal, headers?: Record<string, string>}} options
 */
async function once(method, path, options) {
  const headers = { Accept: "application/json", ...options.headers };
  const isJson = options.json !== undefined;
  let response;
  const slow = setTimeout(() => tell(new Problem(SLOW, TEXT.errors.slow)), LONG);
  try {
    response = await fetch(BASE + path, {
      method,
      headers: isJson ? { ...headers, "Content-Type": "application/json" } : headers,
      body: isJson ? JSON.stringify(options.json) : options.form,
      signal: options.signal,
      credentials: "same-origin",
    });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, TEXT.errors.silent);
  } finally {
    clearTimeout(slow);
  }
  if (response.ok) return response.status === 204 || response.headers.get("Content-Length") === "0" ? null : response.json();
  throw await problemOf(response);
}

/** @param {Response} response */
async function problemOf(response) {
  const seconds = Number(response.headers.get("Retry-After")) || 2;
  try {
    return new Problem(response.status, (await response.json()).detail, seconds);
  } catch {
    // A proxy in front answers in its own words.
    return new Problem(response.status, TEXT.errors.status(response.status), seconds);
  }
}

/**
 * Tell whether every store answers; does not tell anybody who asks for it.
 * @returns {Promise<boolean>}
 */
export async function answers() {
  try {
    return (await fetch("readyz/stores", { credentials: "same-origin" })).ok;
  } catch {
    return false;
  }
}

/**
 * Wait, unless what is waited for is given up.
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve(undefined);
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/**
 * Send a picture and say how far it is; only the older interface of browsers tells that. While the service is away it
 * waits: of a thousand pictures in a row all others would be refused at once.
 * @param {string} path
 * @param {FormData} form
 * @param {(part: number) => void} onProgress
 * @param {AbortSignal} signal
 * @returns {Promise<any>}
 */
export async function send(path, form, onProgress, signal) {
  for (let attempt = 1; ; attempt += 1) {
    const before = logins;
    try {
      const answer = await sendOnce(path, form, onProgress, signal);
      tell(null);
      return answer;
    } catch (error) {
      if (await hasKeyNow(error, before)) continue;
      if (!(error instanceof Problem) || attempt >= (await attemptsAfter(error))) throw error;
      if (AWAY.has(error.status)) tell(error);
      await pause(Math.min(LONGEST_PAUSE, error.seconds * Math.ceil(attempt / 2)) * 1000, signal);
    }
  }
}

/**
 * Return how often a picture is sent that was answered so.
 * @param {Problem} problem
 */
async function attemptsAfter(problem) {
  if (problem.status === BUSY) return SENDING_ATTEMPTS;
  if (!AWAY.has(problem.status)) return 1;
  // Where others are answered, it is this file that cannot be sent: it may be gone from the disk.
  return problem.status === 0 && (await answers()) ? ATTEMPTS : AWAY_ATTEMPTS;
}

/**
 * @param {string} path
 * @param {FormData} form
 * @param {(part: number) => void} onProgress
 * @param {AbortSignal} signal
 */
function sendOnce(path, form, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", BASE + path);
    request.responseType = "text";
    request.upload.addEventListener("progress", (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    });
    request.addEventListener("load", () => {
      if (request.status < 300) resolve(JSON.parse(request.responseText));
      else reject(new Problem(request.status, detailOf(request), Number(request.getResponseHeader("Retry-After")) || 2));
    });
    request.addEventListener("error", () => reject(new Problem(0, TEXT.errors.silent)));
    request.addEventListener("abort", () => reject(new DOMException("given up", "AbortError")));
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(form);
  });
}

/** @param {XMLHttpRequest} request */
function detailOf(request) {
  try {
    return JSON.parse(request.responseText).detail;
  } catch {
    return TEXT.errors.status(request.status);
  }
}

/** @param {string} name */
export const collectionPath = (name) => `collections/${encodeURIComponent(name)}`;

/**
 * @param {number} id
 * @param {number} size the longer side in pixels
 * @param {string | null} [sha256] its digest, where that is known: then a browser asks once and never again
 */
export const thumbnailUrl = (id, size, sha256) =>
  `${BASE}images/${id}/thumbnail?size=${size}${sha256 ? `&sha256=${sha256}` : ""}`;

/** @param {number} id */
export const fileUrl = (id) => `${BASE}images/${id}/file`;

/** @param {unknown} error */
export const wasGivenUp = (error) => error instanceof DOMException && error.name === "AbortError";
