// Package config reads the configuration file of the server, in TOML.
//
// A file is taken whole or refused: an unknown key, a value out of range, a name
// that is not declared is an error that says where it stands, what is wrong with
// it and what would be right. Nothing is filled in silently but the documented
// defaults.
package config
