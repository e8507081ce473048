// Package params reads the parameters of a request's query. Every operation names those it
// takes; any other parameter, and any value that cannot be read, is refused with a
// [render.Failure] that says what is allowed.
//
// # Format
//
// A parameter is given once, except those that list values: fields, status, kind, session
// and the filters. Lists are separated by commas, the filters (whose values may hold commas)
// are given several times. The order of parameters does not matter, and the same query gets
// the same failure every time.
//
// # Ownership
//
// [Parameters] belongs to the request that it was read for.
package params
