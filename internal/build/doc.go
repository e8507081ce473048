// Package build returns from which sources the program was built: what the go command has left
// in it, or, where that knows no revision, what the linker was told.
package build
