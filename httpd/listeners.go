package httpd

import (
	"net/netip"

	"github.com/gin-gonic/gin"

	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// listeners answers with the addresses at which services accept clients.
type listeners struct {
	catalog  catalog
	answers  *answers
	resource *render.Resource[serviceListener]
}

// serviceListener is an address at which a service accepts clients.
type serviceListener struct {
	service *projection.Service
	text    string
}

func newListeners(read catalog, to *answers) *listeners {
	return &listeners{catalog: read, answers: to, resource: listenerResource()}
}

// listenerResource describes a listener.
func listenerResource() *render.Resource[serviceListener] {
	return render.NewResource([]render.Member[serviceListener]{
		{Name: "address", Value: render.TextOrNull(func(l serviceListener) string { a, _ := l.split(); return a })},
		{Name: "port", Value: render.NumberOrNull(func(l serviceListener) uint64 { _, p := l.split(); return p })},
		{Name: "protocol", Value: render.TextOrNull(func(l serviceListener) string { return l.service.Protocol })},
		{Name: "service", Value: render.Link(servicesFolder, func(l serviceListener) string { return l.service.Name })},
	})
}

// split returns the address and the port; all of the text and 0 when it is no address with
// a port.
func (l serviceListener) split() (string, uint64) {
	if a, err := netip.ParseAddrPort(l.text); err == nil {
		return a.Addr().String(), uint64(a.Port())
	}
	return l.text, 0
}

// list answers with the listeners of the service that the path names.
func (l *listeners) list(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.Fields, params.Range)
	if err != nil {
		return err
	}
	chosen, err := l.resource.Shape(p.Fields)
	if err != nil {
		return err
	}
	name, err := pathName(c)
	if err != nil {
		return err
	}
	v, m, err := l.catalog.Service(name)
	if err != nil {
		return missing("Service", name, err)
	}
	if err := l.answers.validate(c, m, render.Validators{Version: v.Version, Modified: v.Modified}); err != nil {
		return err
	}
	all := make([]serviceListener, len(v.Listeners))
	for i, text := range v.Listeners {
		all[i] = serviceListener{service: v, text: text}
	}
	return listAll(l.answers, c, m, p, chosen, all, "")
}
