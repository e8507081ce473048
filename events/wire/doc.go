// Package wire is the codec of everything that Gatebook writes to disk: the payloads of
// events and the rows of the archive.
//
// # Format
//
// A message is a sequence of fields in ascending order of their tag. A field is a key, the
// unsigned varint of tag<<3|type, followed by its content:
//
//	type 0  unsigned varint (little-endian base 128, at most 10 bytes)
//	type 2  unsigned varint length, then that many bytes: text, or a message
//
// Signed numbers are zigzag-coded. A zero, an empty text and an empty list are not written.
// A list repeats its field, in order. This is a subset of the Protocol Buffers wire format,
// so that its tools can show a message. It is stricter: a value has exactly one encoding. A
// field out of order, a zero that is written, an unknown field and a varint longer than
// necessary are errors.
//
// # One description for both directions
//
// A type describes its fields once, in a method that visits them in ascending order of tag.
// A [Coder] uses that description to encode, to decode or to clean texts, so that writing
// and reading cannot differ.
//
// # Ownership
//
// A decoder copies texts out of its input. The buffer that an encoder returns belongs to
// the caller. A Coder is used by one goroutine at a time.
package wire
