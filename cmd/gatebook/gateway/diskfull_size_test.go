//go:build !soak

package gateway

// sessionsOfTests is how many run while the disk is full.
const sessionsOfTests = 200
