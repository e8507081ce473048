package httpd

import (
	"time"

	"gatebook/httpd/telemetry"
	"gatebook/projection"
)

// Registry is the registry that the API shows and changes. [gatebook.Registry] is one. Each
// embedded interface is the part that one group of handlers uses, and stands beside it.
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
	healthReader
}

// present is the registry's present moment, and its clock.
type present interface {
	Moment() projection.Moment
	Now() time.Time
}
