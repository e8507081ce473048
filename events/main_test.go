package events_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

// writeMissing makes TestFixtures write the fixtures that do not exist. Existing ones
// are never written again.
var writeMissing = flag.Bool("write-missing", false, "write the fixtures that do not exist")

func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m)
}
