/** The life of a session: itself and each of its connections as a bar, with what happened. */

import { svg } from "../app/dom.js";
import { keyOf, moment, ms, nameOf, span } from "../app/format.js";
import { describe, reasonText, when } from "../app/records.js";
import { Picture, axis } from "./picture.js";

const lane = 30;
const marks = /** @type {Record<string, string>} */ ({
  session_ready: "ready",
  kill_scheduled: "due",
  kill_requested: "kill",
  kill_withdrawn: "ready",
  connection_failed: "kill",
  login_failed: "kill",
  session_lost: "kill",
  session_recovered: "ready",
});

/**
 * @typedef {import("../app/types.js").SessionAnswer} SessionAnswer
 * @typedef {import("../app/types.js").ConnectionAnswer} ConnectionAnswer
 * @typedef {import("../app/types.js").LogRecord} LogRecord
 */

export class Timeline {
  /** @type {{session: SessionAnswer, connections: ConnectionAnswer[], trail: LogRecord[]} | null} */
  #life = null;
  #picture = new Picture("The session's life", (width) => this.#draw(width));
  element = this.#picture.element;

  /**
   * @param {SessionAnswer} session
   * @param {ConnectionAnswer[]} connections to servers
   * @param {LogRecord[]} trail
   */
  show(session, connections, trail) {
    this.#life = { session, connections, trail };
    this.#picture.redraw();
  }

  tick() {
    if (this.#life?.session.status === "live") this.#picture.redraw();
  }

  close() {
    this.#picture.close();
  }

  /** @param {number} width */
  #draw(width) {
    if (!this.#life) return { height: 10, content: [] };
    const { session, connections, trail } = this.#life;
    const left = width < 520 ? 74 : 150;
    const from = ms(session.opened);
    const end = session.ended ? ms(session.ended) : Date.now();
    const until = Math.max(end, from + 50);
    const inner = width - left - 14;
    const x = (/** @type {number} */ at) => left + (Math.max(0, Math.min(until, at) - from) / (until - from)) * inner;
    const bottom = 8 + (connections.length + 1) * lane;
    const bar = (/** @type {number} */ i, /** @type {number} */ a, /** @type {number} */ b, /** @type {string} */ kind, /** @type {string} */ label, /** @type {string} */ title) =>
      svg(
        "g",
        { class: `life ${kind}` },
        svg("text", { class: "name", x: left - 10, y: 8 + i * lane + 19, "text-anchor": "end" }, label.length > left / 7.2 ? `${label.slice(0, Math.floor(left / 7.2) - 1)}…` : label),
        svg("rect", { x: x(a), y: 8 + i * lane + 6, width: Math.max(3, x(b) - x(a)), height: lane - 12, rx: 4 }, svg("title", {}, title)),
      );
    const ready = session.ready ? ms(session.ready) : end;
    const bars = [
      bar(0, from, end, session.status, "client", `${span((end - from) / 1000)} from ${moment(from)} to ${session.ended ? moment(end) : "now"}`),
      ready > from ? svg("rect", { class: "login", x: x(from), y: 14, width: Math.max(2, x(ready) - x(from)), height: lane - 12, rx: 4 }, svg("title", {}, `login, ${span((ready - from) / 1000)}`)) : null,
      ...connections.map((c, i) => {
        const a = ms(c.opened) || from;
        const b = c.ended ? ms(c.ended) : end;
        const kind = c.reason === "connect_failed" ? "failed" : c.ended ? "over" : "backend";
        return bar(i + 1, a, b, kind, nameOf(c.server), `${nameOf(c.server)}, connection ${c.id}: ${span((b - a) / 1000)}${c.reason ? `, ${reasonText(c.reason)}` : ""}`);
      }),
    ];
    const content = [svg("g", {}, axis({ from, until, x, width, left, top: 4, bottom })), ...bars, ...trail.map((r) => this.#mark(r, x, connections, bottom))];
    if (!session.ended) content.push(svg("line", { class: "nowline", x1: x(until), x2: x(until), y1: 4, y2: bottom }));
    return { height: bottom + 18, content, label: `Session ${session.id}: ${connections.length} connections to servers in ${span((end - from) / 1000)}` };
  }

  /**
   * @param {LogRecord} r
   * @param {(at: number) => number} x
   * @param {ConnectionAnswer[]} connections
   * @param {number} bottom
   */
  #mark(r, x, connections, bottom) {
    const kind = marks[r.kind];
    if (!kind) return null;
    const at = x(when(r));
    const [what, details] = describe(r);
    const row = r.kind === "connection_failed" ? connections.findIndex((c) => nameOf(c.server) === keyOf(r.server ?? "") && c.id === r.connection) + 1 : 0;
    const y = 8 + row * lane + lane / 2;
    return svg(
      "g",
      { class: `mark ${kind}` },
      kind === "kill" && row === 0 ? svg("line", { x1: at, x2: at, y1: 4, y2: bottom }) : null,
      kind === "due" ? svg("rect", { x: at - 4, y: y - 4, width: 8, height: 8, transform: `rotate(45 ${at} ${y})` }) : svg("circle", { cx: at, cy: y, r: 4.5 }),
      svg("title", {}, `${moment(when(r))}: ${what} ${details}`),
    );
  }
}
