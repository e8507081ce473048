// Package proxy reads and writes headers of the PROXY protocol, by which a proxy names
// the client whose connection it brings.
//
// [Read] takes no byte of what follows the header: that is the client's. Whatever it is
// given, it returns a header or an error, and reads no more than a header may be long. It
// belongs to the goroutine that calls it for as long as it reads.
package proxy
