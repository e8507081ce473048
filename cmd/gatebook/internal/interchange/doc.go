// Package interchange writes the records of a log as lines of JSON, and reads them again.
//
// The first line names the format and the log, and has the first key that signed heads of it, which no
// record names, and its newest signed head. A log that was never signed has neither, nor has an export of
// an older format. Each line after it is a record: the members that
// the API shows, and "stored" with the bytes that proofs cover ("core") and the personal parts
// ("subject", "actor"), each in base64. A part that was erased is "", one that the record has not is
// missing. The last line has the number of records, the root of the Merkle tree over them, and a
// sum over both and what the first line has.
//
// Reading compares the members of each line with its bytes, so that a line that was changed is
// refused, the root with the tree of what was read, and the ids of sessions with those before: each is opened
// once, and is none that the archive cannot hold. The records are then byte for byte those of the log.
package interchange
