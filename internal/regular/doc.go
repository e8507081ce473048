// Package regular opens files that have to be regular ones. Another kind of file in their place is
// an error that names it, and never waited for: opening a named pipe blocks until another process
// opens it too, which can be for ever. Explain says why this process may not use a file.
//
// It needs the standard library alone, and every package may use it.
package regular
