// Package config reads the configuration file of the server, in TOML.
//
// A file is accepted whole or refused. An unknown key, a value of the wrong type or out of
// range, and a name that is not declared are errors that name the place, what is wrong and
// what would be right. No value is filled in but the documented defaults.
//
// A key of the file is the tag of a field of [File], and only that: what a key's value has
// to be, and which keys are known near a misspelt one, is read from these types.
//
// All functions are pure but [Read]. A [File] that was read is not changed afterwards, so
// that any goroutine may use it.
package config
