// Ask again and again while people look.

import { pause } from "./api.js";

const PERIOD = 1500;
const AFTER_TROUBLE = 5000;

/**
 * Call a function until it is given up; not while the page is hidden.
 * @param {() => Promise<boolean>} ask tells whether to ask again
 * @param {AbortSignal} signal
 */
export async function poll(ask, signal) {
  try {
    for (;;) {
      if (document.hidden) await shown(signal);
      let goesOn = true;
      let period = PERIOD;
      try {
        goesOn = await ask();
      } catch {
        // The notice says what is wrong; what is away comes back.
        period = AFTER_TROUBLE;
      }
      if (!goesOn) return;
      await pause(period, signal);
      signal.throwIfAborted();
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** @param {AbortSignal} signal */
function shown(signal) {
  return new Promise((resolve) => {
    const look = () => !document.hidden && resolve(undefined);
    document.addEventListener("visibilitychange", look, { signal });
    signal.addEventListener("abort", () => resolve(undefined), { once: true });
  });
}
