/** Counts by service, server and user, which filter when they are clicked. */

import { fill, h } from "../app/dom.js";
import { count } from "../app/format.js";
import { toggle } from "../app/router.js";

/** How many values of a group are shown. */
const most = 7;

/**
 * @typedef {object} Group
 * @property {string} name of the filter
 * @property {string} title
 * @property {Map<string, number>} counts
 * @property {string[]} chosen
 */

export class Facets {
  element = h("div", { class: "facets" });
  /** @type {Map<string, string>} what each group shows, so that one that has not changed stays */
  #shown = new Map();
  /** @type {Map<string, HTMLElement>} */
  #sections = new Map();

  /** @param {Group[]} groups */
  show(groups) {
    for (const group of groups) {
      const all = [...group.counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
      const top = all.slice(0, most);
      for (const value of group.chosen) {
        if (!top.some(([v]) => v === value)) top.push([value, group.counts.get(value) ?? 0]);
      }
      const key = JSON.stringify([top, all.length, group.chosen]);
      if (this.#shown.get(group.name) === key) continue;
      this.#shown.set(group.name, key);
      this.#draw(group, top, all.length);
    }
  }

  /**
   * @param {Group} group
   * @param {[string, number][]} top
   * @param {number} all
   */
  #draw(group, top, all) {
    let section = this.#sections.get(group.name);
    if (!section) {
      section = h("section", { class: "facet", "aria-label": `Sessions by ${group.title.toLowerCase()}` });
      this.#sections.set(group.name, section);
      this.element.append(section);
    }
    const focused = document.activeElement?.getAttribute("data-facet");
    const largest = Math.max(1, ...top.map(([, n]) => n));
    fill(
      section,
      h("h2", {}, group.title, h("span", { class: "faint" }, all > most ? `${count(all)} in all` : "")),
      top.length === 0 ? h("p", { class: "faint" }, "none") : null,
      h(
        "ul",
        {},
        top.map(([value, n]) =>
          h(
            "li",
            {},
            h(
              "button",
              { type: "button", "aria-pressed": String(group.chosen.includes(value)), "data-facet": `${group.name} ${value}`, onclick: () => toggle(group.name, value) },
              h("span", { class: "bar", "style:width": `${(n / largest) * 100}%` }),
              h("span", { class: "name" }, value || "not known yet"),
              h("span", { class: "n" }, count(n)),
            ),
          ),
        ),
      ),
    );
    if (!focused) return;
    for (const button of section.querySelectorAll("button")) if (button.dataset.facet === focused) button.focus();
  }
}
