//go:build soak

package faults_test

// How many faults make soak injects.
const (
	sessionsTraced = 100
	powerLosses    = 90_000
	callsFailed    = 5_000
	callsKilled    = 4_600
	downs          = 200
)
