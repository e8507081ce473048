/** Asks why sessions are to be ended, and how long that can be taken back. */

import { h } from "../app/dom.js";
import { plural } from "../app/format.js";

const windows = [
  { value: "10s", label: "in 10 seconds, until then it can be undone" },
  { value: "1m", label: "in a minute" },
  { value: "10m", label: "in 10 minutes" },
  { value: "", label: "at once, which cannot be undone" },
];

/**
 * Opens the dialog. It returns what was decided, null for nothing.
 *
 * @param {{id: number, label: string}[]} sessions
 * @returns {Promise<{reason: string, ttl: string} | null>}
 */
export function askToEnd(sessions) {
  const reason = h("input", { name: "reason", maxlength: 200, autocomplete: "off", placeholder: "runaway report, maintenance …", required: true });
  const ttl = h("select", { name: "ttl" }, windows.map((w) => h("option", { value: w.value }, w.label)));
  const many = sessions.length > 1;
  const title = many ? `End ${plural(sessions.length, "session")}?` : `End session ${sessions[0].id}?`;
  const dialog = h("dialog", { class: "dialog", "aria-labelledby": "end-title" });
  const form = h(
    "form",
    {
      onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        dialog.close("end");
      },
    },
    h("h2", { id: "end-title" }, title),
    h("p", {}, "The client and its connections to servers are closed. What was not committed is lost."),
    h("ul", { class: "which" }, sessions.slice(0, 6).map((s) => h("li", {}, s.label)), many && sessions.length > 6 ? h("li", { class: "faint" }, `and ${sessions.length - 6} more`) : null),
    h("label", {}, "Why, for the record", reason),
    h("label", {}, "When", ttl),
    h(
      "div",
      { class: "actions" },
      h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, many ? "Leave them" : "Leave it"),
      h("button", { type: "submit", class: "danger" }, many ? `End ${sessions.length} sessions` : "End session"),
    ),
  );
  dialog.append(form);
  document.body.append(dialog);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "end" ? { reason: reason.value.trim(), ttl: ttl.value } : null);
    });
    dialog.showModal();
    reason.focus();
  });
}
