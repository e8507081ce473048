//go:build soak

package faults_test

// How many faults make soak injects.
const (
	sessionsTraced  = 100
	powerLosses     = 84_500
	callsFailed     = 5_000
	callsKilled     = 4_000
	downs           = 200
	movesCrashed    = 3_000
	upgradesFailed  = 600
	killedAndLost   = 500
	movesFailed     = 1_000
	callsUnreported = 3000
)
