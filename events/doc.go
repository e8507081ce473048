// Package events defines the events that can happen to a session, as one Go type each, and
// the record that puts an event into the log.
//
// # Events
//
// An event is a fact in the past tense. It must not be changed: the Event of a [Record] is
// shared by all holders of the record. Fields that identify a person are the event's personal
// parts: one for its subject, the person that the event is about (user, address, port,
// program, key, certificate subject), and one for its actor, the person who acted (by, and
// why). Each such field is marked "Personal", with its part. All others are its core.
//
// # Binary form
//
// A record is stored under its sequence. All numbers of fixed size are big-endian; "varint"
// is the unsigned varint of package wire, which also defines the encoding of the payload
// and of the personal fields.
//
//	core:
//	  1 byte     format: 2
//	  1 byte     kind
//	  1 byte     flags: 1 has a session, 2 has an occurred time, 4 has a subject, 8 has an actor
//	  8 bytes    recorded: microseconds since 1970-01-01 UTC
//	  varint     session                                  with flag 1
//	  8 bytes    occurred: microseconds since 1970        with flag 2
//	  32 bytes   commitment: SHA-256 of the subject's part with flag 4
//	  32 bytes   commitment: SHA-256 of the actor's part   with flag 8
//	  varint     length of the payload
//	  payload    the fields of the event's core
//	the subject's part, with flag 4, and then the actor's, with flag 8:
//	  varint     length of the salt and the fields; 0 when the part was erased
//	  16 bytes   salt, random
//	  fields     the personal fields
//	4 bytes      CRC-32C of: the sequence as 8 bytes, and all of the above
//
// Proofs cover the sequence as 8 bytes followed by the core: these bytes are the leaf of the
// Merkle tree. Erasing a person removes the salt and the fields of that person's part, and
// replaces the checksum. The core, and with it every proof, stays the same, and the person
// cannot be guessed from the commitment without the salt. The two parts are apart so that erasing
// a session's user never removes who killed the session, and why.
//
// Format 1 had one personal part, with the fields of both, under flag 4 and without a length, to
// the end. It is read, and no longer written: no two fields of an event have the same number, so
// that its part is read as both.
//
// [Append] encodes a record in the goroutine of the caller, without the recorded time and
// the checksum. The writer of the log adds them with [Seal].
//
// # Evolution
//
// The fixtures under testdata/v1 and v2 hold one stored record of every kind in each format.
// Once a version is released they never change, and every later program reads them. A new
// field or kind gets a number that was never used before. It raises the file's format in
// package migrations, so that a program that does not know it refuses the file instead of
// reading a part of it.
// [Format] rises when the head of a record changes. Numbers are never used again.
package events
