/** What a record does to a session in the table, as the server's own fold does it. */

import { keyOf, ms, nameOf } from "./format.js";

/**
 * @typedef {import("./types.js").Session} Session
 * @typedef {import("./types.js").LogRecord} LogRecord
 */

/** @type {Record<string, import("./types.js").Stage>} */
const stages = {
  "Session Allocated": "accepted",
  "Session Ready": "logging in",
  "Session ready for routing": "open",
  "Stopping session": "ending",
};

/**
 * Returns a session of the table from the answer of a list.
 *
 * @param {any} a
 * @param {number} now
 * @returns {Session}
 */
export function fromAnswer(a, now) {
  return {
    id: a.id,
    user: a.user,
    address: a.address ?? "",
    port: a.port,
    service: nameOf(a.service),
    servers: a.servers.map(nameOf),
    database: a.database ?? "",
    program: a.program ?? "",
    protocol: a.protocol ?? "",
    source: nameOf(a.source),
    tls: a.tls ?? "",
    stage: stages[a.state] ?? "open",
    opened: ms(a.opened),
    active: now - a.idle * 1000,
    read: a.statistics?.bytes_read ?? 0,
    written: a.statistics?.bytes_written ?? 0,
    rate: 0,
    rateAt: 0,
    due: 0,
    gone: 0,
    reason: "",
  };
}

/**
 * Applies a record to its session, and returns the session: a new one for an opening, and
 * nothing where there is none to change.
 *
 * @param {Session | undefined} session
 * @param {LogRecord} r
 * @returns {Session | undefined}
 */
export function apply(session, r) {
  if (r.kind === "session_opened") return session ?? opened(r);
  if (!session) return undefined;
  switch (r.kind) {
    case "session_ready":
      session.user = r.user ?? "";
      session.database = r.database ?? "";
      session.program = r.program ?? "";
      if (session.stage !== "ending") session.stage = "open";
      break;
    case "connection_opened":
      if (r.server && !session.servers.includes(keyOf(r.server))) session.servers = [...session.servers, keyOf(r.server)];
      if (session.stage === "accepted") session.stage = "logging in";
      break;
    case "statistics_recorded":
      if (!r.connection) count(session, r.statistics, r.active);
      break;
    case "kill_scheduled":
      session.due = ms(r.due);
      break;
    case "kill_withdrawn":
      session.due = 0;
      break;
    case "kill_requested":
      session.stage = "ending";
      break;
    case "session_closed":
      for (const c of r.connections ?? []) if (c.connection === 0) count(session, c.statistics, c.active);
      session.reason = r.reason ?? "";
      session.gone = ms(r.time);
      break;
    case "session_lost":
      session.reason = r.cause ?? "lost";
      session.gone = ms(r.time);
      break;
  }
  return session;
}

/** @param {LogRecord} r @returns {Session} */
function opened(r) {
  const at = Math.min(ms(r.occurred ?? r.time), ms(r.time));
  return {
    id: r.session ?? 0,
    user: "",
    address: r.address ?? "",
    port: r.port ?? null,
    service: keyOf(r.service ?? ""),
    servers: [],
    database: "",
    program: "",
    protocol: r.protocol ?? "",
    source: keyOf(r.source ?? ""),
    tls: r.tls ?? "",
    stage: "accepted",
    opened: at,
    active: at,
    read: 0,
    written: 0,
    rate: 0,
    rateAt: 0,
    due: 0,
    gone: 0,
    reason: "",
  };
}

/**
 * @param {Session} session
 * @param {import("./types.js").Counters | undefined} counters
 * @param {string | null | undefined} active
 */
function count(session, counters, active) {
  if (!counters) return;
  session.read = counters.bytes_read;
  session.written = counters.bytes_written;
  if (active) session.active = Math.max(session.active, ms(active));
}
