// Package render turns values into the bodies of HTTP answers: JSON, NDJSON and CSV,
// compressed or not, with entity tags and conditions. It knows net/http, and neither a
// router nor a registry.
//
// # Format
//
// A [Resource] describes a kind of object by its members in the documented order, and the
// parameter fields selects a [Shape] of them. The order of members in an answer is always
// the documented one. A value that is not known is null, in CSV an empty cell. Strings are
// escaped as encoding/json escapes them without its escapes for HTML. Times are RFC 3339 in
// UTC with microseconds, except those of [Rendering.AppendDate].
//
// # Sending
//
// An object is sent in one piece with its length. A list is sent in pieces as it is rendered
// ([List]): the first is short, later ones are long. A list that fails before its first
// piece is an error that can still be answered; one that fails later has to be cut off. The
// client has [PieceTimeout] for each piece.
//
// # Ownership
//
// An [Answer] and its [Rendering] are for one goroutine. Release gives their memory back to
// the [Pool]; nothing of an answer may be used after it. Resources, shapes and pools are
// safe for concurrent use.
package render
