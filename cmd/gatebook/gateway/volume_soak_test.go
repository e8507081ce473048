//go:build soak

package gateway_test

// volume is the size of a generated database, in MiB.
const volume = 50
