/** The filters of a view: they are in its address, so that a link leads to what one sees. */

import { fill, h } from "../app/dom.js";
import { adjust, toggle } from "../app/router.js";
import { icon } from "./icon.js";

/**
 * Returns the chips of the filters that are set, each of which takes its filter away.
 *
 * @param {URLSearchParams} params
 * @param {readonly string[]} names of the filters
 */
export function chips(params, names) {
  return names.flatMap((name) =>
    params.getAll(name).map((value) =>
      h(
        "button",
        { type: "button", class: "chip", "aria-label": `Remove the filter ${name} ${value}`, onclick: () => toggle(name, value) },
        h("span", { class: "faint" }, name),
        ` ${value || "not known yet"} `,
        icon("cross"),
      ),
    ),
  );
}

export class FilterBar {
  /** @param {{label: string, names: readonly string[], placeholder: string}} options */
  constructor(options) {
    this.options = options;
    this.search = h("input", {
      type: "search",
      placeholder: options.placeholder,
      "aria-label": options.label,
      oninput: () => adjust((p) => (this.search.value ? p.set("q", this.search.value) : p.delete("q"))),
    });
    this.chips = h("span", { class: "chips" });
    this.right = h("span", { class: "right" });
    this.element = h("div", { class: "filterbar", role: "search" }, this.search, this.chips, this.right);
  }

  /** @param {URLSearchParams} params */
  show(params) {
    const q = params.get("q") ?? "";
    if (document.activeElement !== this.search && this.search.value !== q) this.search.value = q;
    const all = chips(params, this.options.names);
    const clear = all.length > 1 ? h("button", { type: "button", class: "quiet small", onclick: () => this.#clear() }, "Clear all") : null;
    fill(this.chips, all, clear);
  }

  #clear() {
    adjust(
      (p) => {
        for (const name of [...this.options.names, "q"]) p.delete(name);
      },
      { keep: true },
    );
  }
}
