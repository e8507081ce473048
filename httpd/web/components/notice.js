/** What stands in the place of content: nothing there, on its way, or failed. */

import { h } from "../app/dom.js";

/**
 * Returns a notice.
 *
 * @param {"empty" | "loading" | "error"} kind
 * @param {string} title
 * @param {import("../app/dom.js").Child} [text]
 * @param {{label: string, act: () => void}} [action]
 */
export function notice(kind, title, text, action) {
  return h(
    "div",
    { class: `notice ${kind}`, role: kind === "error" ? "alert" : "status" },
    h("span", { class: "mark", "aria-hidden": "true" }),
    h("h2", {}, title),
    text ? h("p", {}, text) : null,
    action ? h("button", { type: "button", class: "quiet", onclick: action.act }, action.label) : null,
  );
}

/** @param {unknown} error @param {() => void} again */
export function failure(error, again) {
  const e = /** @type {Error & {title?: string}} */ (error);
  return notice("error", e.title ?? "That did not work", e.message, { label: "Try again", act: again });
}
