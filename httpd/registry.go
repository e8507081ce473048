package httpd

import (
	"time"

	"gatebook/httpd/telemetry"
	"gatebook/projection"
)

// Registry is what the API reads from the registry and does to it: all that its handlers
// ask for, each in the interface beside it. [gatebook.Registry] is one.
type Registry interface {
	present
	history
	sessionReader
	killer
	catalog
	switcher
	eventReader
	reporter
	telemetry.Registry
	health
}

// present is the registry's current moment, and its clock.
type present interface {
	Moment() projection.Moment
	Now() time.Time
}
