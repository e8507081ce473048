// Package accounts knows who may use the API, and tells whether somebody is who
// they say.
//
// # The file
//
// Accounts are in the file "accounts" of the data folder (type [File]), which is
// replaced as a whole: written under another name, synced, renamed, and its folder
// synced. Only its owner can read it. It has a checksum, and one that is damaged,
// or that others can read, is an error: never "no accounts". A file that is not
// there means that there are none.
//
// Whoever changes the file holds "accounts.lock" meanwhile. That is not the data
// folder's lock, so that accounts can be changed while the server runs.
//
// A password is kept as its bcrypt hash, a token as its SHA-256: a token is
// random, so that nothing slower is needed.
//
// # Changes on the record
//
// Each change is noted in the file, with who made it and when, in the same
// replacement. The server takes the notes over into the log ([File.Record]) and
// then deletes them. If it dies in between, they are taken over twice: on the
// record twice, never not at all.
//
// # Letting in
//
// A [Gate] answers in the same time whether a name is known or not, compares in
// constant time, and remembers a password it has verified for five minutes, by a
// hash whose key is this process's. Failures are counted by address and by account,
// and who has too many waits. Somebody who tries an account from many addresses
// keeps its owner out for seconds at most, and not at all when the owner was let in
// within those five minutes. All that is remembered is bounded, and so is how many
// hashes are computed at a time.
package accounts
