/** The shell: who looks, where they are, and whether what they see is of now. */

import { base, get, signedOut } from "./api.js";
import { fill, h, write } from "./dom.js";
import { Feed } from "./feed.js";
import { count, moment, span } from "./format.js";
import { current, href } from "./router.js";
import { Store } from "./store.js";
import { Pending } from "../components/pending.js";
import { icon } from "../components/icon.js";
import { failure, notice } from "../components/notice.js";
import { BookView } from "../views/book.js";
import { HistoryView } from "../views/history.js";
import { NowView } from "../views/now.js";
import { PastView } from "../views/past.js";
import { SessionView } from "../views/session.js";
import { signInView } from "../views/signin.js";

/**
 * @typedef {import("./types.js").Viewer} Viewer
 * @typedef {import("./types.js").Context} Context
 * @typedef {import("./types.js").View} View
 */

/** The views, and the keys that lead to them. */
const places = [
  { name: "now", title: "Now", key: "1" },
  { name: "time", title: "Time", key: "2" },
  { name: "history", title: "History", key: "3" },
  { name: "book", title: "Book", key: "4" },
];

const said = h("div", { class: "hidden", role: "status", "aria-live": "polite" });
/** @param {string} message */
const announce = (message) => {
  said.textContent = "";
  setTimeout(() => write(said, message), 50);
};

/** @param {Context} context @param {string} name @param {string} id @returns {View} */
function makeView(context, name, id) {
  switch (name) {
    case "now":
      return new NowView(context);
    case "session":
      return new SessionView(context, id);
    case "history":
      return new HistoryView(context);
    case "time":
      return new PastView(context);
    case "book":
      return new BookView(context);
  }
  return { element: h("div", { class: "view" }, notice("empty", "There is no such page", h("a", { href: href("now") }, "See who is here now"))) };
}

/** The frame around a view, for somebody who may look. */
class Shell {
  /** @type {View | null} */
  #view = null;
  #shown = "";

  /** @param {Viewer} viewer */
  constructor(viewer) {
    const feed = new Feed();
    this.pending = new Pending(announce);
    /** @type {Context} */
    this.context = { feed, store: new Store(feed), viewer, pending: this.pending, announce };
    this.links = places.map((p) => h("a", { href: href(p.name), "data-name": p.name, title: `${p.title} (press ${p.key})` }, p.title));
    this.status = h("button", { type: "button", class: "status", onclick: () => feed.retry() });
    this.banner = h("div", { class: "banner", role: "alert", hidden: true });
    this.main = h("main", { id: "main", tabindex: -1 });
    this.element = h(
      "div",
      { class: "shell" },
      h("a", { class: "skip", href: "#main", onclick: (/** @type {Event} */ e) => this.#skip(e) }, "Skip to the content"),
      h(
        "header",
        { class: "top" },
        h("a", { class: "brand", href: href("now"), "aria-label": "Gatebook" }, h("img", { src: "web/style/icon.svg", alt: "", width: 26, height: 26 }), h("span", {}, "Gatebook")),
        h("nav", { "aria-label": "Views" }, this.links),
        h("div", { class: "me" }, this.status, this.#themeButton(), this.#account(viewer)),
      ),
      this.banner,
      this.main,
      this.pending.element,
    );
    this.stops = [feed.watch(() => this.#showFeed()), this.context.store.watch(() => this.#showFeed())];
    this.ticker = setInterval(() => this.#showFeed(), 1000);
    this.onhash = () => this.#route();
    this.onkey = (/** @type {KeyboardEvent} */ e) => this.#key(e);
    addEventListener("hashchange", this.onhash);
    addEventListener("keydown", this.onkey);
    this.context.store.load();
  }

  close() {
    this.#view?.close?.();
    this.context.feed.stop();
    this.pending.close();
    clearInterval(this.ticker);
    for (const stop of this.stops) stop();
    removeEventListener("hashchange", this.onhash);
    removeEventListener("keydown", this.onkey);
  }

  start() {
    this.#route();
  }

  #route() {
    const { name, id, params } = current();
    const key = `${name}/${id}`;
    if (key !== this.#shown) {
      this.#view?.close?.();
      this.#view = makeView(this.context, name, id);
      fill(this.main, this.#view.element);
      if (this.#shown) {
        this.main.focus({ preventScroll: true });
        scrollTo(0, 0);
      }
      this.#shown = key;
      for (const link of this.links) {
        if (link.dataset.name === name || (name === "session" && link.dataset.name === "now")) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
      const title = places.find((p) => p.name === name)?.title ?? (name === "session" ? `Session ${id}` : name);
      document.title = `${title} · Gatebook`;
    }
    this.#view?.show?.(params);
  }

  #showFeed() {
    const { feed, store } = this.context;
    const { state } = feed;
    const live = state.name === "live" && store.state === "ready";
    this.status.dataset.state = live ? "live" : state.name === "waiting" || store.state === "failed" ? "off" : "connecting";
    write(this.status, live ? `${count(store.live)} live` : state.name === "waiting" ? "not connected" : "connecting");
    this.status.title = live ? "What you see is of now" : state.why;
    const off = state.name === "waiting" && Date.now() - state.since > 1500;
    this.banner.hidden = !off;
    if (!off) return;
    const left = Math.ceil((state.retry - Date.now()) / 1000);
    const text = `Not connected since ${moment(state.since)}: what is shown is of then. ${state.why}`;
    if (this.banner.dataset.text !== text) {
      this.banner.dataset.text = text;
      fill(this.banner, h("span", {}, text), h("span", { class: "next", "aria-hidden": "true" }), h("button", { type: "button", class: "quiet small", onclick: () => feed.retry() }, "Try now"));
    }
    const next = this.banner.querySelector(".next");
    if (next) write(next, left > 0 ? `Next attempt in ${span(left)}.` : "Trying …");
  }

  #themeButton() {
    const button = h("button", { type: "button", class: "icon", "aria-label": "Switch between light and dark", title: "Switch between light and dark" }, icon("theme"));
    button.addEventListener("click", () => {
      const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
      localStorage.setItem("gatebook-theme", next);
      document.documentElement.dataset.theme = next;
    });
    return button;
  }

  /** @param {Viewer} viewer */
  #account(viewer) {
    if (!viewer.accounts) return h("span", { class: "who faint", title: "There are no accounts: everybody on this machine may do everything" }, "no accounts");
    const leave = h("button", { type: "button", class: "quiet small" }, "Sign out");
    leave.addEventListener("click", async () => {
      await get("sign-in", { method: "DELETE" }).catch(() => {});
      signedOut.dispatchEvent(new CustomEvent("signed-out", { detail: "You are signed out." }));
    });
    return h("span", { class: "who" }, h("span", { title: `Role ${viewer.role}` }, viewer.account, viewer.role === "basic" ? h("span", { class: "tag" }, "read only") : null), viewer.until ? leave : null);
  }

  /** @param {Event} event */
  #skip(event) {
    event.preventDefault();
    this.main.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const at = /** @type {Element} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || at.closest("input, select, textarea, dialog")) return;
    const place = places.find((p) => p.key === event.key);
    if (place) location.hash = href(place.name);
    else if (event.key === "/") this.main.querySelector("input")?.focus();
    else return;
    event.preventDefault();
  }
}

/** @type {Shell | null} */
let shell = null;

/** @param {Viewer} viewer */
function enter(viewer) {
  shell?.close();
  shell = new Shell(viewer);
  fill(document.body, shell.element, said);
  shell.start();
}

/** @param {string} why */
function ask(why) {
  shell?.close();
  shell = null;
  document.title = "Sign in · Gatebook";
  fill(document.body, signInView({ why, done: enter }), said);
  document.querySelector("input")?.focus();
}

async function begin() {
  try {
    /** @type {Viewer} */
    const viewer = await get("sign-in");
    if (!viewer.role) ask("");
    else if (viewer.role === "source") ask(`The account ${viewer.account} is for a source, which reports sessions and cannot look at them. Sign in with another one.`);
    else enter(viewer);
  } catch (error) {
    fill(document.body, h("main", { class: "view" }, failure(error, begin)), said);
    setTimeout(() => {
      if (!shell && document.querySelector(".notice.error")) begin();
    }, 2000);
  }
}

// Another tab is signed out with this one.
const tabs = new BroadcastChannel(`gatebook-viewer ${base.href}`);
signedOut.addEventListener("signed-out", (event) => {
  const why = /** @type {CustomEvent} */ (event).detail ?? "The sign-in has ended. Sign in again.";
  tabs.postMessage(why);
  if (shell) ask(why);
});
tabs.onmessage = ({ data }) => {
  if (shell) ask(data);
};
// The way back to a page that the browser has kept: its stream was stopped.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
begin();
