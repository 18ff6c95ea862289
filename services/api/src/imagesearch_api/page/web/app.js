// The frame of the page: where one is, which collection is meant, and what everybody has to know.

import { changeSeen, format, go, here, takeSeen } from "./address.js";
import { call, connect, logout } from "./api.js";
import { button, closeDialogs, fill, h, icon } from "./dom.js";
import { DuplicatesView } from "./duplicates.js";
import { JobsView } from "./jobs.js";
import { Keys } from "./keys.js";
import { LibraryView } from "./library.js";
import { Notices } from "./notices.js";
import { Recovery, RECOVERED } from "./recovery.js";
import { SearchView } from "./search.js";
import { collectionOf, refresh, remember, state } from "./state.js";
import { count, TEXT } from "./strings.js";
import { sendNow, takeBack } from "./undo.js";
import { closeViewer } from "./viewer.js";

/** @typedef {{open: (parameters: URLSearchParams) => void, close: () => void, leave?: () => void, see?: (id: number) => void,
 *   recover?: () => void}} View */

/** @type {Record<string, new (main: HTMLElement) => View>} */
const VIEWS = { search: SearchView, library: LibraryView, jobs: JobsView, duplicates: DuplicatesView };
const FIRST = "search";

class Page {
  constructor() {
    this.main = h("main", { id: "main", tabindex: -1 });
    this.nav = h("nav", { class: "nav", "aria-label": TEXT.title });
    this.chooser = h("select", { class: "chooser", "aria-label": TEXT.collection, onchange: () => this.choose() });
    // Until it is known which collections there are.
    this.chooser.hidden = true;
    this.keys = new Keys();
    this.notices = new Notices(() => this.start());
    this.recovery = new Recovery(() => this.recover());
    this.leave = button(TEXT.key.leave, () => this.signOut(), { icon: "leave", isBare: true });
    this.leave.classList.add("leave");
    this.leave.hidden = true;
    this.name = "";
    this.place = "";
    /** @type {View | null} */
    this.view = null;
  }

  build() {
    const brand = h("a", { class: "brand", href: format(FIRST, {}) }, icon("search"), h("span", {}, TEXT.title));
    // A link to "#main" would be taken for a view.
    const skip = h("button", { type: "button", class: "skip", onclick: () => this.main.focus() }, TEXT.skip);
    document.body.append(
      skip,
      h("header", { class: "header" }, brand, this.nav, this.chooser, this.leave),
      this.notices.element,
      this.main,
    );
    history.scrollRestoration = "manual";
    connect(() => this.askForKey(), (problem) => this.hear(problem));
    addEventListener("hashchange", () => this.show());
  }

  /** @param {import("./api.js").Problem | null} problem */
  hear(problem) {
    this.recovery.hear(problem);
    // While one store is away others answer all the same: that is no reason to say that all is well.
    if (problem || !this.recovery.isWaiting) this.notices.hear(problem);
  }

  /** Go on by itself: what was asked for in vain is asked for again, and nothing else changes. */
  recover() {
    this.notices.hear(null);
    dispatchEvent(new Event(RECOVERED));
    if (this.view) this.view.recover?.();
    else this.start();
  }

  async start() {
    this.keys.forgive();
    try {
      await refresh();
    } catch {
      // The notice says what is wrong, and offers to try again.
      return;
    }
    this.leave.hidden = !state.session?.api_key;
    this.notices.showUntrained(state.info?.untrained === true);
    this.view?.close();
    this.view = null;
    this.show();
  }

  /**
   * Ask for a key; another one than before sees other things, so the view begins anew.
   * @returns {Promise<boolean>}
   */
  async askForKey() {
    const isGiven = await this.keys.ask();
    if (isGiven && this.view) {
      const before = state.session?.api_key;
      const { api_key: now } = await call("GET", "session");
      // Several requests may have waited for the key: the first of them has begun anew already.
      if (now !== before && before === state.session?.api_key) {
        takeBack();
        this.clear();
        this.start();
      }
    }
    return isGiven;
  }

  async signOut() {
    // It was made under the key that is being given up.
    await sendNow();
    try {
      await logout();
    } catch {
      // The notice says why the session goes on.
      return;
    }
    this.clear();
    await this.start();
  }

  /** Leave nothing on the screen of what a key allowed to see. */
  clear() {
    this.view?.close();
    this.view = null;
    state.session = null;
    fill(this.main);
    fill(this.chooser);
    this.chooser.hidden = true;
    this.leave.hidden = true;
  }

  show() {
    const { view, parameters } = here();
    const id = takeSeen(parameters);
    const before = changeSeen(id);
    const name = view in VIEWS ? view : FIRST;
    const place = `${name} ${parameters}`;
    if (this.view && place === this.place && id !== before) {
      // Only what is seen above it has changed.
      closeViewer();
      if (id !== null) this.view.see?.(id);
      return;
    }
    this.place = place;
    closeViewer();
    closeDialogs();
    const chosen = collectionOf(parameters);
    if (chosen !== null) remember(chosen);
    const isFirst = this.view === null;
    if (!this.view || name !== this.name) {
      this.view?.close();
      this.view = new VIEWS[name](this.main);
      this.name = name;
    }
    this.showNav(name);
    this.showChooser(chosen);
    // It remembers how far it was scrolled.
    this.view.leave?.();
    scrollTo(0, 0);
    this.view.open(parameters);
    // What had the focus may be gone: whoever goes by keyboard goes on from here.
    if (!isFirst && document.activeElement === document.body) this.main.focus({ preventScroll: true });
    if (id !== null) this.view.see?.(id);
  }

  /** @param {string} current */
  showNav(current) {
    const names = /** @type {[string, string][]} */ (Object.entries(TEXT.views)).filter(([name]) => name in VIEWS);
    const links = names.map(([name, text]) =>
      h("a", { href: format(name, {}), "aria-current": name === current ? "page" : null }, icon(name), h("span", {}, text)),
    );
    fill(this.nav, links.length > 1 ? links : null);
  }

  /** @param {string | null} chosen */
  showChooser(chosen) {
    const names = state.collections.map((one) => one.name);
    const all = chosen !== null && !names.includes(chosen) ? [chosen, ...names] : names;
    const images = new Map(state.collections.map((one) => [one.name, one.images]));
    fill(
      this.chooser,
      all.map((name) => {
        const known = images.get(name);
        return h("option", { value: name, selected: name === chosen }, known === undefined ? name : `${name} (${count(known)})`);
      }),
    );
    this.chooser.hidden = all.length === 0 || this.name === "jobs";
  }

  choose() {
    go(this.name, { c: this.chooser.value });
  }
}

const page = new Page();
page.build();
page.start();
