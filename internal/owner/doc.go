// Package owner keeps files of a folder with the folder's owner, also those that root writes there. A program of
// that owner, such as a server, could not read them otherwise.
//
// It needs the standard library alone, and every package may use it.
package owner
