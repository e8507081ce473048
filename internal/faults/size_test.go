//go:build !soak

package faults_test

// How many faults are injected in each run of the tests.
const (
	sessionsTraced  = 20
	powerLosses     = 100
	callsFailed     = 20
	callsKilled     = 20
	downs           = 3
	movesCrashed    = 30
	upgradesFailed  = 30
	killedAndLost   = 8
	movesFailed     = 15
	callsUnreported = 30
)
