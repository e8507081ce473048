// Command gatebook keeps the book of a database gateway's sessions.
//
// It is thin: it reads flags, environment and configuration file, wires the
// packages and stops them in order. What it prints on standard output is for the
// person who started it; the log goes to standard error.
package main
