package lifecycle

import (
	"slices"

	"gatebook/events"
	"gatebook/projection"
)

// ServiceDiffers reports whether a service is new or not as recorded; old is nil for one
// that is not. It fills in whether the service is stopped: what an administrator has
// switched outlives a restart.
func ServiceDiffers(old *projection.Service, e *events.ServiceDeclared) bool {
	e.Stopped = old != nil && old.Stopped
	return old == nil || old.Started == 0 || old.Source != e.Source || old.Protocol != e.Protocol || old.Router != e.Router ||
		!slices.Equal(old.Listeners, e.Listeners) || !slices.Equal(old.Servers, e.Servers)
}

// ServerDiffers reports whether a server is new or not as recorded; old is nil for one
// that is not.
func ServerDiffers(old *projection.Server, e *events.ServerDeclared) bool {
	return old == nil || old.Source != e.Source || old.Address != e.Address || old.Port != e.Port || old.Protocol != e.Protocol
}
