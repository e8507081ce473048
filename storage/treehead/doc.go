// Package treehead signs heads of a log's tree, and checks the signatures.
//
// A head is the number of records and the root of the tree over them. It is written as a signed
// note (golang.org/x/mod/sumdb/note) whose text is a checkpoint as C2SP's tlog-checkpoint
// specifies it: a line with the origin, one with the size in decimal, one with the root in
// base64. The origin is "gatebook/" and the log's identity in hexadecimal. It is the name of
// the log's keys too.
//
// A log has one key at a time, and names all that it ever had ([Keys]). Each signs heads from
// some size on, and none of a size from which the next one signs. An old key vouches for the
// one after it ([Signer.Endorse]), unless it was lost.
//
// The keys are Ed25519, and are kept as package note encodes them.
package treehead
