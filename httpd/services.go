package httpd

import (
	"context"
	"net/http"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd/access"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// switcher stops and starts services.
type switcher interface {
	SwitchService(ctx context.Context, to gatebook.Switch, q gatebook.Request) error
}

// services answers for services, and stops and starts them.
type services struct {
	collection[service]
	switcher switcher
}

// service is a service and the source that declared it.
type service struct {
	*projection.Service
	source *projection.Source // nil when it is not known
}

func newServices(read catalog, switches switcher, to *answers) *services {
	return &services{switcher: switches, collection: collection[service]{
		answers: to, thing: "Service", resource: serviceResource(),
		version: func(v service) render.Validators { return render.Validators{Version: v.Version, Modified: v.Modified} },
		all: func() ([]service, projection.Moment) {
			sources, m := read.Sources() // the earlier of two moments
			byKey := make(map[string]*projection.Source, len(sources))
			for _, source := range sources {
				byKey[projection.NameKey(source.Name)] = source
			}
			found, _ := read.Services()
			all := make([]service, len(found))
			for i, v := range found {
				all[i] = service{Service: v, source: byKey[projection.NameKey(v.Source)]}
			}
			return all, m
		},
		one: func(name string) (service, projection.Moment, error) {
			m := read.Moment() // the earlier of two moments
			v, _, err := read.Service(name)
			if err != nil {
				return service{}, m, err
			}
			source, _, _ := read.Source(v.Source) // nil for a service known by its sessions alone
			return service{Service: v, source: source}, m, nil
		},
	}}
}

// serviceResource describes a service.
func serviceResource() *render.Resource[service] {
	return render.NewResource(render.Members([]render.Member[service]{
		{Name: "name", Value: render.Text(func(v service) string { return v.Name })},
		{Name: "router", Value: render.TextOrNull(func(v service) string { return v.Router })},
		{Name: "state", Value: render.TextOrNull(service.state)},
		{Name: "total_connections", Value: render.Number(func(v service) uint64 { return v.Total })},
		{Name: "current_connections", Value: render.Number(func(v service) uint64 { return v.Current })},
		{Name: "started", Value: render.Time(func(v service) events.Time { return v.Started })},
		{Name: "servers", Value: render.Links(serversFolder, func(v service) []string { return v.Servers })},
		{Name: "listeners", Value: render.Texts(func(v service) []string { return v.Listeners })},
	}, nil))
}

// state returns "started" while the source that declared the service runs and the service
// is not stopped; "" for a service that is known by its sessions alone.
func (s service) state() string {
	switch {
	case s.Started == 0 || s.source == nil:
		return ""
	case s.source.State == projection.SourceRunning && !s.Stopped:
		return "started"
	}
	return "stopped"
}

// switchTo returns the handler that stops or starts the service that the path names. It
// answers when the switch is recorded; the service's source learns of it at once.
func (s *services) switchTo(stopped bool) handler {
	return func(c *gin.Context) error {
		if _, err := params.Parse(c.Request.URL.RawQuery); err != nil {
			return err
		}
		name, err := pathName(c)
		if err != nil {
			return err
		}
		err = s.switcher.SwitchService(c.Request.Context(), gatebook.Switch{Service: name, Stopped: stopped},
			gatebook.Request{By: access.Actor(c.Request), Only: s.answers.preconditions(c.Request)})
		if err != nil {
			return missing("Service", name, err)
		}
		return s.answers.empty(c, http.StatusNoContent)
	}
}
