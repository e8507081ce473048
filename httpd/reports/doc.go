// Package reports is the form in which events leave and reach the API: records as the feed
// shows them, and the reports of sources outside.
//
// # Format
//
// An event is a JSON object whose members are the same in both directions. fields in
// eventfields.go lists them, in the documented order; the decoders of a report name the
// members that each kind takes and needs. All members of a kind are always shown, and those
// that are not known are null. A report is read strictly: a member that is not known, there
// twice, or of another kind of event is refused, with a [render.Failure] that names the
// place, the member, and what is allowed.
//
// A report is decoded as it is read, so that it costs what it may hold and not what is sent:
// [Parse] and [Body] stop at the limits that they are given.
//
// # Ownership
//
// What [Body.Next] returns is valid until the next call. A Body is for one goroutine, except
// that [Body.StopOn] ends its reading from another one, for which it waits.
package reports
