//go:build !soak

package faults_test

// How many faults are injected in each run of the tests.
const (
	sessionsTraced = 20
	powerLosses    = 200
	callsFailed    = 30
	callsKilled    = 30
	downs          = 3
	movesCrashed   = 60
	upgradesFailed = 60
	killedAndLost  = 15
	movesFailed    = 30
)
