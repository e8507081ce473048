// Package events is the vocabulary of Gatebook: what can happen to a session,
// as one Go type each, and the record that puts an event into the log.
//
// # Events
//
// An event is a fact in the past tense. Nobody changes one: whoever holds a
// [Record] shares its Event with everybody else. Fields that tell of a person
// (user, address, port, program, key, who, free text, certificate subject) are
// the event's personal part; each is marked "Personal." All others are its core.
//
// # Binary form
//
// A record is stored under its sequence number. All numbers of fixed size are
// big-endian; "varint" is the unsigned varint of package wire, which also
// defines the form of the payload and the personal fields.
//
//	core:
//	  1 byte     format: 1
//	  1 byte     kind
//	  1 byte     flags: 1 has a session, 2 has an occurred time, 4 has a personal part
//	  8 bytes    recorded: microseconds since 1970-01-01 UTC
//	  varint     session                                  with flag 1
//	  8 bytes    occurred: microseconds since 1970        with flag 2
//	  32 bytes   commitment: SHA-256 of the personal part with flag 4
//	  varint     length of the payload
//	  payload    the fields of the event's core
//	personal part, with flag 4, unless it was erased:
//	  16 bytes   salt, random
//	  fields     the fields that tell of a person, to the end
//	4 bytes      CRC-32C of: the sequence as 8 bytes, and all of the above
//
// The bytes that proofs cover, the leaf of the Merkle tree, are the sequence as 8
// bytes followed by the core. Erasing a person removes salt and personal fields
// and makes the checksum anew; the core, and with it every proof, stays as it
// is, and nobody can guess the person from the commitment without the salt.
//
// Recorded time and checksum are the log writer's to fill in: [Append] writes the
// rest, in the goroutine of whoever appends, and [Seal] completes it.
//
// # Evolution
//
// The fixtures under testdata/v1 hold one stored record of every kind. Once a
// version is released they are never made again, and every later program reads
// them. A field or a kind is added by giving it a number never used before and
// raising the file's format in package migrations, so that a program that does
// not know it refuses the file instead of reading half of it. [Format] rises
// when the head of a record changes. Nothing is ever renumbered.
package events
