// Package reports is the form in which events leave and reach the API: records as the feed
// shows them, and the reports of sources outside.
//
// # Format
//
// An event is a JSON object whose members are the same in both directions. visitFields lists
// them in the documented order. The decoders of reports list the members that each kind
// takes and needs. The feed always shows all members of a kind, and null for those that are
// not known. A report is read strictly: a member that is not known, there twice, or of
// another kind of event is refused, with a [render.Failure] that names the place, the member
// and the members that are allowed.
//
// [Parse] and [Body] stop at the limits that they are given, so that a report that is too
// large costs no more than the largest one that is allowed.
//
// # Ownership
//
// The line that [Body.Next] returns is valid until the next call. A Body is for one goroutine, except
// that [Body.StopOn] ends its reading from another one, for which it waits.
package reports
