// Package telemetry measures and logs requests: the metrics of /metrics, a line of the access
// log for each request, and a line for each failure that is not the client's.
//
// # Promises
//
// The labels of metrics come from closed lists, or are names of declared services, so that
// no client can make them many. A line of the access log contains no client-chosen names or
// credentials, apart from the path and the header User-Agent, both cut and cleaned: no
// query, and no other header. A failure is logged once, with its cause, which the client is
// not told.
//
// # Ownership
//
// [Metrics] is made before the registry whose commits it measures, and serves one server.
// All methods are safe for concurrent use.
package telemetry
