// Package projection folds the log into what is: the live sessions, those that
// ended, services, servers and sources.
//
// # Promises
//
// [State.Apply] is the only way in, for replaying and for living: a state rebuilt
// from the log equals the one that was there when the log was written. It is a
// pure fold; it knows no disk, no network and no clock, and decides nothing: what
// may happen next is the registry's to say before it appends.
//
// A [Session] is immutable: a change makes a new value. Readers copy pointers
// out under a read lock that is held for moments, and look at them for as long
// as they like; everything a reader copies in one call is of one moment, the
// sequence it is told.
//
// Observations are the newest counters between two recorded samples. They are in
// memory only, beside the fold, and nothing that is rebuilt depends on them.
//
// # Checkpoints
//
// [State.Checkpoint] collects what changed since the last one as rows: an image
// of each live session that changed, a row in the archive for each that ended.
// When the rows are durable, [State.Saved] lets the ended ones leave memory.
// [Load] makes a state from the rows, and costs the live sessions, not the
// history. The form of a row's value is that of package wire; the fields are in
// image.go.
//
// # Cost
//
// Finding a session costs a binary search over the pages of ids, copying one out
// 14 ns, applying an event one small copy. A live session with two backend
// connections holds at most 350 bytes, an ended one that was saved none.
package projection
