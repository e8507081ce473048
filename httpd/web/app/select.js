/** Which of the live sessions a view's parameters choose, and how many of each kind there are. */

import { keyOf, ownService } from "./format.js";

/** @typedef {import("./types.js").Session} Session */

/** @type {{name: string, title: string, values: (s: Session) => string[]}[]} */
const groups = [
  { name: "service", title: "Service", values: (s) => [s.service] },
  { name: "server", title: "Server", values: (s) => s.servers },
  { name: "user", title: "User", values: (s) => [s.user] },
];

/**
 * Returns what chooses sessions by parameters. A value given twice means either; different ones
 * combine, as in the API. The API's own clients are left out unless they are asked for.
 *
 * @param {URLSearchParams} params
 */
export function matcher(params) {
  const chosen = groups.map((g) => new Set(params.getAll(g.name).map((v) => (g.name === "user" ? v : keyOf(v)))));
  const addresses = params.getAll("address");
  const sources = params.getAll("source").map(keyOf);
  const stages = params.getAll("state");
  const own = params.has("own") || chosen[0].has(ownService);
  const words = (params.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);

  /** @param {Session} s */
  const fits = (s) =>
    (own || s.service !== ownService) &&
    (addresses.length === 0 || addresses.some((a) => s.address === a || s.address.startsWith(`${a}.`))) &&
    (sources.length === 0 || sources.includes(s.source)) &&
    (stages.length === 0 || stages.includes(s.stage)) &&
    words.every((w) => `${s.id} ${s.user} ${s.address} ${s.service} ${s.servers.join(" ")} ${s.database} ${s.program}`.toLowerCase().includes(w));

  return {
    /**
     * Returns the sessions that match, and the counts of each group among those that the other
     * groups leave.
     *
     * @param {Iterable<Session>} all
     */
    select(all) {
      /** @type {Session[]} */
      const rows = [];
      const counts = groups.map(() => /** @type {Map<string, number>} */ (new Map()));
      for (const s of all) {
        if (!fits(s)) continue;
        const misses = chosen.map((set, i) => set.size > 0 && !groups[i].values(s).some((v) => set.has(v)));
        const missed = misses.filter(Boolean).length;
        if (missed === 0) rows.push(s);
        if (s.gone || missed > 1) continue;
        for (const [i, group] of groups.entries()) {
          if (missed === 1 && !misses[i]) continue;
          for (const v of group.values(s)) counts[i].set(v, (counts[i].get(v) ?? 0) + 1);
        }
      }
      return { rows, groups: groups.map((g, i) => ({ name: g.name, title: g.title, counts: counts[i], chosen: [...chosen[i]] })) };
    },
  };
}
