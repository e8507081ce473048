package httpd

import "gatebook/httpd/telemetry"

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
	prover
}
