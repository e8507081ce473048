package gateway

import (
	"testing"

	"go.uber.org/goleak"
)

// runner runs the tests and then stops the servers.
type runner func() int

func (r runner) Run() int { return r() }

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(runner(func() int { return shared.run(m) }))
}
