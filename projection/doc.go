// Package projection folds the log into the current state: live sessions, ended
// sessions, services, servers and sources.
//
// # Promises
//
// [State.Apply] is the only way to change the fold, in a replay and in operation. A state
// that is rebuilt from the log therefore equals the state that existed when the log was
// written. The fold is pure: it knows no disk, no network and no clock. It decides
// nothing: the registry decides what may happen before it appends.
//
// A [Session] is immutable: a change makes a new value. Readers copy pointers under a
// short read lock and use them for as long as they like. All that a reader gets from one
// call is of one [Moment], which names the sequence.
//
// Observations are the newest counters between two recorded samples. They are in memory
// only, and no part of the fold depends on them.
//
// # Checkpoints
//
// [State.Checkpoint] collects the changes since the last checkpoint as rows: one of each
// live session that changed, and one in the archive of each that ended. When the rows are
// durable, [State.Saved] removes the ended sessions from memory. [Load] makes a state from
// the rows; its cost is that of the live sessions, not of the history. A row is encoded by
// package wire; image.go lists the fields.
//
// # For the registry alone
//
// These names are exported for the registry and its reader, which keep the state, the log
// and the archive together, and for no other use: [New], [Load], [State] with its
// [Checkpoint], [Row], [Tables] and the names of tables, [IndexEntry] and [IndexKey],
// [IDKey], [SourceKeyRow], [SourceKeyID], [AddressRange], [Matcher.KeyGroups],
// [DecodeSession], [Selection] and [Replay]. A program that embeds the registry uses the
// values it returns: sessions, services, servers, sources, filters and queries.
//
// # Cost
//
// Finding a session is a binary search over pages of ids. Copying one takes 14 ns, and
// applying an event one small copy. docs/PERFORMANCE.md has the memory of a live session;
// an ended one that was saved takes none.
//
// The files are many because each kind of thing that is folded has one for its values, one for
// how records change it and one for how it is stored, and indexes and copies stand apart.
package projection
