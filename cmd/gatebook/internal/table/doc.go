// Package table prints tables for people: aligned for any script, cut to the width of a
// terminal, and plain in a pipe.
//
// # Promises
//
// A text from outside cannot steer the terminal: control characters and those that change
// the direction of writing are shown as escapes, and a text that is written from right to
// left is isolated from its neighbours. The width of a text is that of its characters in a
// terminal: wide ones take two columns, combining marks none.
//
// Without a width nothing is cut or left out.
package table
