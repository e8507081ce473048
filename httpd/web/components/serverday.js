/** A server's state over a day, as a band. */

import { fill, h, svg } from "../app/dom.js";
import { count, moment, ms, span } from "../app/format.js";
import { when } from "../app/records.js";
import { Picture, axis } from "./picture.js";

const height = 18;

export class ServerDay {
  /** @type {{from: number, until: number, state: string, cause: string}[]} */
  #parts = [];
  #from = 0;
  #until = 1;
  #picture = new Picture("", (width) => this.#draw(width));

  /** @param {boolean} labelled has an axis of time below it */
  constructor(labelled) {
    this.labelled = labelled;
    this.name = h("div", { class: "who" });
    this.element = h("div", { class: "serverday" }, this.name, this.#picture.element);
  }

  close() {
    this.#picture.close();
  }

  /**
   * @param {any} server as GET /servers has it
   * @param {import("../app/types.js").LogRecord[]} changes of its state
   * @param {number} from
   * @param {number} until
   */
  show(server, changes, from, until) {
    const now = server.status?.[0] ?? "";
    this.#from = from;
    this.#until = until;
    this.#parts = [];
    const first = changes.length > 0 ? when(changes[0]) : until;
    const since = server.since ? ms(server.since) : 0;
    // Before the first change of the day it was what it is now, if it has been that for longer.
    const before = changes.length > 0 ? "" : since > 0 && since <= from ? now : "";
    this.#parts.push({ from, until: first, state: before, cause: "" });
    for (const [i, c] of changes.entries()) {
      this.#parts.push({ from: Math.max(from, when(c)), until: i + 1 < changes.length ? when(changes[i + 1]) : until, state: c.state ?? "", cause: c.cause ?? "" });
    }
    fill(
      this.name,
      h("b", {}, server.name),
      h("span", { class: `state ${now || "unknown"}` }, now || "not known"),
      h("span", { class: "faint" }, `${server.address ? `${server.address}:${server.port} · ` : ""}${count(server.current_connections)} open${server.since ? ` · ${now || "so"} for ${span((until - since) / 1000)}` : ""}${server.cause ? ` · ${server.cause}` : ""}`),
    );
    this.#picture.redraw();
  }

  /** @param {number} width */
  #draw(width) {
    const x = (/** @type {number} */ at) => ((at - this.#from) / (this.#until - this.#from)) * width;
    return {
      height: this.labelled ? height + 16 : height,
      content: [
        ...this.#parts.map((p) => svg("rect", { class: `band ${p.state || "unknown"}`, x: x(p.from), y: 0, width: Math.max(1.5, x(p.until) - x(p.from)), height }, svg("title", {}, `${p.state || "not known"} from ${moment(p.from)}${p.cause ? `: ${p.cause}` : ""}`))),
        this.labelled && svg("g", {}, axis({ from: this.#from, until: this.#until, x, width, left: 0, top: 0, bottom: height })),
      ].filter((part) => part !== false),
      label: this.#parts.map((p) => `${p.state || "not known"} from ${moment(p.from)}`).join(", "),
    };
  }
}
