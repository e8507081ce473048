package httpd

import (
	"github.com/gin-gonic/gin"

	"gatebook/events"
	"gatebook/projection"
)

// service is a service and the source that declared it.
type service struct {
	*projection.Service
	source *projection.Source // nil when it is not known
}

// serviceResource describes a service.
func serviceResource() *resource[service] {
	return newResource(members([]member[service]{
		{name: "name", value: text(func(v service) string { return v.Name })},
		{name: "router", value: knownText(func(v service) string { return v.Router })},
		{name: "state", value: knownText(service.state)},
		{name: "total_connections", value: number(func(v service) uint64 { return v.Total })},
		{name: "current_connections", value: number(func(v service) uint64 { return v.Current })},
		{name: "started", value: moment(func(v service) events.Time { return v.Started })},
		{name: "servers", value: links(servers, func(v service) []string { return v.Servers })},
		{name: "listeners", value: texts(func(v service) []string { return v.Listeners })},
	}, nil)).versioned(func(v service) validators { return validators{version: v.Version, modified: v.Modified} })
}

// state is "started" while the source that declared the service runs and nobody
// has stopped it. Of a service known only by name it is not known.
func (s service) state() string {
	switch {
	case s.Started == 0 || s.source == nil:
		return ""
	case s.source.State == projection.SourceRunning && !s.Stopped:
		return "started"
	}
	return "stopped"
}

func (s *Server) listServices(c *gin.Context) error {
	return listAll(s, c, s.services, func() ([]service, projection.Moment) {
		sources, m := s.registry.Sources() // the earlier of two moments
		byKey := make(map[string]*projection.Source, len(sources))
		for _, source := range sources {
			byKey[projection.NameKey(source.Name)] = source
		}
		found, _ := s.registry.Services()
		all := make([]service, len(found))
		for i, v := range found {
			all[i] = service{Service: v, source: byKey[projection.NameKey(v.Source)]}
		}
		return all, m
	})
}

func (s *Server) showService(c *gin.Context) error {
	return showNamed(s, c, s.services, "Service", func(name string) (service, projection.Moment, error) {
		m := s.registry.Moment() // the earlier of two moments
		v, _, err := s.registry.Service(name)
		if err != nil {
			return service{}, m, err
		}
		source, _, _ := s.registry.Source(v.Source) // nil for a service known by its sessions alone
		return service{Service: v, source: source}, m, nil
	})
}
