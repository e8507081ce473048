// Package shell writes words of commands that a message names, so that they can be copied into a shell.
//
// It needs the standard library alone, and every package may use it.
package shell
