// Package intake records what sources outside this process report.
//
// The reports of one source are dealt with one after the other. A report is reconciled with
// the record as one list, all of it or nothing: what is recorded already is found on the
// trail of its session and not recorded twice, a new session gets its id, and the last
// entry is source_seen with the report's number. So sending a report again is safe.
//
// Each source has a lease, which every report renews. When it runs out the source and its
// sessions become lost; when the same incarnation reports again they are recovered; a new
// incarnation ends the sessions of the one before it as lost. Each of these can be cut off
// anywhere and is done again then.
package intake
