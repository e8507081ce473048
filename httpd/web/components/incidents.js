/** Sessions that were lost together: one incident, with its time and what was running. */

import { h } from "../app/dom.js";
import { moment, ms, nameOf, plural, span, time, utc } from "../app/format.js";
import { reasonText } from "../app/records.js";
import { href } from "../app/router.js";

/**
 * @typedef {import("../app/types.js").SessionAnswer} SessionAnswer
 * @typedef {{at: number, seen: number, sources: Set<string>, reason: string, sessions: SessionAnswer[]}} Incident
 */

/** Losses that are recorded within this time, of one source or by one crash, are one incident. */
const together = 3000;
const mostNamed = 40;

/**
 * Returns the incidents among lost sessions, the newest first.
 *
 * @param {SessionAnswer[]} lost
 * @returns {Incident[]}
 */
export function incidentsOf(lost) {
  /** @type {Incident[]} */
  const all = [];
  for (const s of [...lost].sort((a, b) => ms(b.lost_at) - ms(a.lost_at))) {
    const at = ms(s.lost_at);
    const source = nameOf(s.source);
    const same = all.find((i) => i.reason === s.reason && (i.sources.has(source) || s.reason === "registry_crashed") && Math.abs(i.at - at) <= together);
    if (same) {
      same.sources.add(source);
      same.sessions.push(s);
      same.seen = Math.max(same.seen, ms(s.last_seen));
    } else all.push({ at, seen: ms(s.last_seen), sources: new Set([source]), reason: s.reason ?? "", sessions: [s] });
  }
  return all;
}

/** @param {SessionAnswer[]} sessions @param {(s: SessionAnswer) => string} by */
function counted(sessions, by) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const s of sessions) counts.set(by(s), (counts.get(by(s)) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, 5).map(([name, n]) => `${n} × ${name}`).join(", ");
}

/** @param {Incident} i */
export function incidentView(i) {
  const { sessions } = i;
  return h(
    "details",
    { class: "incident" },
    h(
      "summary",
      {},
      h("b", {}, time(i.seen)),
      h("span", {}, `${plural(sessions.length, "session")} lost`),
      h("span", { class: "faint" }, `${[...i.sources].join(", ")}: ${reasonText(i.reason)}`),
    ),
    h("p", {}, `Last seen ${moment(i.seen)}; noticed ${moment(i.at)}, ${span((i.at - i.seen) / 1000)} later.`, h("span", { class: "faint" }, ` (${utc(i.seen)})`)),
    h("p", {}, h("b", {}, "Running then: "), counted(sessions, (s) => nameOf(s.service)), ". ", h("b", {}, "For: "), counted(sessions, (s) => s.user || "not logged in"), "."),
    h(
      "ul",
      {},
      sessions.slice(0, mostNamed).map((s) => h("li", {}, h("a", { href: href(`session/${s.id}`) }, `${s.id} ${s.user || "not logged in"}`), h("span", { class: "faint" }, ` ${s.address ?? ""} → ${s.servers.map(nameOf).join(", ") || nameOf(s.service)}${s.program ? `, ${s.program}` : ""}, open for ${span((i.seen - ms(s.opened)) / 1000)}`))),
    ),
    sessions.length > mostNamed ? h("p", { class: "faint" }, `and ${sessions.length - mostNamed} more`) : null,
  );
}
