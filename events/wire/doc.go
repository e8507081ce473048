// Package wire is the codec of everything Gatebook writes to disk: the payloads
// of events and the images of sessions.
//
// # Format
//
// A message is a sequence of fields in ascending order of their tag. A field is
// a key, the unsigned varint of tag<<3|type, followed by its content:
//
//	type 0  unsigned varint (little-endian base 128, at most 10 bytes)
//	type 2  unsigned varint length, then that many bytes: text, or a message
//
// Signed numbers are zigzag-coded. A zero, an empty text, an empty message list
// is not written. A list repeats its field, in order. This is a subset of the
// Protocol Buffers wire format, so that any of its tools can show a message; it
// is stricter in that there is exactly one encoding of a value: a field out of
// order, written although zero, unknown, or a varint longer than it need be is
// an error.
//
// # One description for both directions
//
// A type describes its fields once, in a method that visits them in ascending
// order of tag, and a [Coder] walks that description to encode, to decode or to
// clean texts. So what is written and what is read cannot drift apart.
//
// # Ownership
//
// A decoder copies texts out of its input. The buffer an encoder returns is the
// caller's. A Coder is used by one goroutine at a time.
package wire
