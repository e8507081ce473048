/**
 * The shapes of what the API answers and of what the page makes of it. There is no code here.
 *
 * @typedef {object} Session A live session, as the table shows it.
 * @property {number} id
 * @property {string} user "" until it is known
 * @property {string} address
 * @property {number | null} port
 * @property {string} service
 * @property {string[]} servers
 * @property {string} database
 * @property {string} program
 * @property {string} protocol
 * @property {string} source
 * @property {string} tls
 * @property {Stage} stage
 * @property {number} opened in milliseconds
 * @property {number} active when the client was last read from
 * @property {number} read bytes from the client
 * @property {number} written bytes to the client
 * @property {number} rate bytes a second, both ways, as last observed
 * @property {number} rateAt when that was
 * @property {number} due when a scheduled end is due, 0 for none
 * @property {number} gone when its end was noticed, 0 while it lives
 * @property {string} reason of its end
 *
 * @typedef {"accepted" | "logging in" | "open" | "ending"} Stage
 *
 * @typedef {object} Viewer
 * @property {boolean} accounts there are accounts, so that one has to sign in
 * @property {string | null} account
 * @property {"admin" | "basic" | "source" | null} role
 * @property {string | null} until
 *
 * @typedef {object} LogRecord A record of the log, with the members of its kind.
 * @property {number} sequence
 * @property {string} time
 * @property {string | null} occurred
 * @property {string} kind
 * @property {number | null} session
 * @property {string} [user]
 * @property {string} [database]
 * @property {string} [program]
 * @property {string} [source]
 * @property {string} [service]
 * @property {string} [listener]
 * @property {string} [protocol]
 * @property {string} [address]
 * @property {number | null} [port]
 * @property {string | null} [tls]
 * @property {string} [server]
 * @property {number} [connection]
 * @property {number | null} [connection_id]
 * @property {string} [reason]
 * @property {string} [cause]
 * @property {string} [by]
 * @property {string} [description]
 * @property {string} [endorsement]
 * @property {string} [taken]
 * @property {number} [records]
 * @property {string} [due]
 * @property {string} [name]
 * @property {string} [state]
 * @property {string} [change]
 * @property {string} [account]
 * @property {string} [role]
 * @property {string | null} [last_seen]
 * @property {string | null} [since]
 * @property {string | null} [from]
 * @property {string | null} [until]
 * @property {number} [sessions]
 * @property {number} [events]
 * @property {string | null} [lease]
 * @property {string | null} [active]
 * @property {Counters} [statistics]
 * @property {{connection: number, statistics: Counters, active: string | null}[]} [connections]
 *
 * @typedef {object} Counters
 * @property {number} reads
 * @property {number} writes
 * @property {number} buffered_writes
 * @property {number} high_water_events
 * @property {number} low_water_events
 * @property {number} bytes_read
 * @property {number} bytes_written
 *
 * @typedef {object} Observation The newest counters of a live connection; not a record.
 * @property {number} session
 * @property {number} connection
 * @property {Counters} statistics
 * @property {string | null} [active]
 *
 * @typedef {object} SessionAnswer A session as GET /sessions answers it with fields=*.
 * @property {number} id
 * @property {string} state
 * @property {string} user
 * @property {string | null} address
 * @property {string} service
 * @property {number} idle
 * @property {string | null} reason
 * @property {string | null} source
 * @property {string | null} listener
 * @property {string | null} protocol
 * @property {number | null} port
 * @property {string | null} database
 * @property {string | null} program
 * @property {string | null} tls
 * @property {string | null} subject
 * @property {string} type
 * @property {string} opened
 * @property {string | null} ready
 * @property {string | null} ended
 * @property {string | null} last_seen
 * @property {string | null} lost_at
 * @property {number} duration
 * @property {"live" | "closed" | "lost"} status
 * @property {string | null} by
 * @property {string | null} description
 * @property {string[]} servers
 * @property {Counters} statistics
 * @property {string | null} activity
 * @property {number} version
 *
 * @typedef {object} ConnectionAnswer
 * @property {string} state
 * @property {string} role
 * @property {string | null} server
 * @property {Counters} statistics
 * @property {number} id
 * @property {number | null} connection_id
 * @property {string | null} opened
 * @property {string | null} ended
 * @property {string | null} reason
 *
 * @typedef {object} FeedState How the stream of records is.
 * @property {"connecting" | "live" | "waiting"} name
 * @property {number} since
 * @property {string} why what went wrong, in the server's words
 * @property {number} retry when the next attempt is made, 0 for none
 *
 * @typedef {object} Context What a view is given.
 * @property {import("./store.js").Store} store
 * @property {import("./feed.js").Feed} feed
 * @property {Viewer} viewer
 * @property {import("../components/pending.js").Pending} pending
 * @property {(message: string) => void} announce says something to screen readers
 *
 * @typedef {object} View
 * @property {HTMLElement} element
 * @property {(params: URLSearchParams) => void} [show] is called when the route's parameters change
 * @property {() => void} [close]
 */
export {};
