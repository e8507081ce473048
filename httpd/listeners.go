package httpd

import (
	"net/netip"

	"github.com/gin-gonic/gin"

	"gatebook/projection"
)

// serviceListener is an address that a service takes clients at.
type serviceListener struct {
	service *projection.Service
	text    string
}

// listenerResource describes a listener.
func listenerResource() *resource[serviceListener] {
	return newResource([]member[serviceListener]{
		{name: "address", value: knownText(func(l serviceListener) string { a, _ := l.parts(); return a })},
		{name: "port", value: knownNumber(func(l serviceListener) uint64 { _, p := l.parts(); return p })},
		{name: "protocol", value: knownText(func(l serviceListener) string { return l.service.Protocol })},
		{name: "service", value: link(services, func(l serviceListener) string { return l.service.Name })},
	})
}

// parts are the address and the port; of what is no address the whole is the address.
func (l serviceListener) parts() (string, uint64) {
	if a, err := netip.ParseAddrPort(l.text); err == nil {
		return a.Addr().String(), uint64(a.Port())
	}
	return l.text, 0
}

// listListeners lists the listeners of the service that the path names.
func (s *Server) listListeners(c *gin.Context) error {
	p, err := parse(c.Request.URL.RawQuery, paramFields, paramRange)
	if err != nil {
		return err
	}
	chosen, err := s.listeners.shape(p.fields)
	if err != nil {
		return err
	}
	name, err := pathName(c)
	if err != nil {
		return err
	}
	v, m, err := s.registry.Service(name)
	if err != nil {
		return missing("Service", name, err)
	}
	if err := s.validate(c, m, validators{version: v.Version, modified: v.Modified}); err != nil {
		return err
	}
	all := make([]serviceListener, len(v.Listeners))
	for i, text := range v.Listeners {
		all[i] = serviceListener{service: v, text: text}
	}
	a := s.answer(c, m, p)
	defer a.release()
	a.total(uint64(len(all)))
	return list(a, chosen, each(cut(all, p.span)))
}
