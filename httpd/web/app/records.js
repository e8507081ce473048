/** Records of the log in words. */

import { bytes, count, keyOf, moment, ms, plural } from "./format.js";

/**
 * @typedef {import("./types.js").LogRecord} LogRecord
 * @typedef {import("./types.js").Counters} Counters
 */

/** Why sessions end, in words. The keys are those of the API. */
export const reasons = /** @type {Record<string, string>} */ ({
  client_closed: "the client closed it",
  server_closed: "the server closed it",
  auth_failed: "the login failed",
  connect_failed: "no server could be reached",
  idle_timeout: "it was idle too long",
  login_timeout: "the login took too long",
  killed: "it was ended on request",
  network_error: "the network failed",
  source_stopped: "its source was stopped",
  source_lost: "its source was lost",
  registry_crashed: "the registry crashed while it was open",
  shutdown: "the gateway was shut down",
  limit: "a limit was reached",
  error: "an error in the gateway",
});

/** @param {string | null | undefined} reason */
export const reasonText = (reason) => (reason ? (reasons[reason] ?? reason.replaceAll("_", " ")) : "");

/** @param {LogRecord} r */
export const when = (r) => Math.min(ms(r.occurred ?? r.time), ms(r.time));

/** @param {Counters | undefined} c */
const moved = (c) => (c ? `${bytes(c.bytes_read)} read, ${bytes(c.bytes_written)} written` : "");

/** @param {number | undefined} n */
const connection = (n) => (n ? `connection ${n}` : "the client");

/** @param {(string | false | null | undefined)[]} parts */
const join = (...parts) => parts.filter(Boolean).join(" · ");

/** @type {Record<string, (r: LogRecord) => [string, string]>} */
const words = {
  session_opened: (r) => ["connected", join(`from ${r.address ?? "?"}${r.port ? `:${r.port}` : ""}`, r.service && `service ${keyOf(r.service)}`, r.listener && `at ${r.listener}`, r.tls)],
  session_ready: (r) => ["logged in", join(`as ${r.user || "nobody"}`, r.database && `database ${r.database}`, r.program && `program ${r.program}`)],
  login_failed: (r) => ["login failed", join(r.user && `as ${r.user}`, r.description)],
  session_closed: (r) => ["ended", join(reasonText(r.reason), r.by && `by ${r.by}`, r.description)],
  session_lost: (r) => ["lost", join(reasonText(r.cause), r.last_seen && `last seen ${moment(ms(r.last_seen))}`)],
  session_recovered: () => ["came back", "its source is heard of again"],
  connection_opened: (r) => ["server reached", join(keyOf(r.server ?? ""), connection(r.connection), r.connection_id ? `its own number is ${r.connection_id}` : "")],
  connection_failed: (r) => ["server not reached", join(keyOf(r.server ?? ""), r.cause)],
  connection_closed: (r) => ["server connection closed", join(connection(r.connection), reasonText(r.reason), moved(r.statistics))],
  statistics_recorded: (r) => ["counted", join(connection(r.connection), moved(r.statistics), water(r.statistics))],
  kill_scheduled: (r) => ["end scheduled", join(r.due && `for ${moment(ms(r.due))}`, r.by && `by ${r.by}`, r.description)],
  kill_requested: (r) => ["end requested", join(r.by && `by ${r.by}`, r.description)],
  kill_withdrawn: (r) => ["end taken back", join(r.by && `by ${r.by}`, r.description)],
  server_changed: (r) => [`server ${r.state}`, join(keyOf(r.name ?? ""), r.cause)],
  source_started: (r) => ["source started", r.source ?? ""],
  source_stopped: (r) => ["source stopped", r.source ?? ""],
  source_lost: (r) => ["source lost", join(r.source, reasonText(r.cause))],
  recording_gap: (r) => ["gap", join(r.source, `${plural(r.sessions ?? 0, "session")} and ${plural(r.events ?? 0, "event")} could not be recorded`, r.from && r.until && `from ${moment(ms(r.from))} to ${moment(ms(r.until))}`)],
  key_rotated: (r) => ["key rotated", join(r.endorsement ? "" : "the key before was lost", r.by && `by ${r.by}`)],
  log_restored: (r) => ["log restored", join(r.taken && `as of ${moment(ms(r.taken))}`, `up to record ${r.records}`, r.by && `by ${r.by}`)],
  account_changed: (r) => ["account changed", join(r.account, r.change, r.by && `by ${r.by}`)],
};

/** @param {Counters | undefined} c */
const water = (c) => (c && c.high_water_events > 0 ? `high water ${count(c.high_water_events)}×` : "");

/**
 * Returns what a record says: in a few words, and the details.
 *
 * @param {LogRecord} r
 * @returns {[string, string]}
 */
export function describe(r) {
  return words[r.kind]?.(r) ?? [r.kind.replaceAll("_", " "), ""];
}
