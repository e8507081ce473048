package httpd

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// handler answers a request, or returns the error that is the answer.
type handler func(c *gin.Context) error

// operation is what a method of a path does, and who may ask for it.
type operation struct {
	method string
	access access
	handle handler
	// forms are the media types that answers have, best first; nil for JSON alone.
	forms []string
}

// route is a path and what can be done with it. HEAD and OPTIONS go without
// saying.
type route struct {
	path       string
	operations []operation
	// quiet paths open no session in the book: a probe that asks nothing about it.
	quiet bool
}

// in tells in which media types an operation answers, best first.
func (o operation) in(forms ...string) operation {
	o.forms = forms
	return o
}

// eventsPath is where reports go, and the feed comes from.
const eventsPath = "/events"

func (s *Server) routes() []route {
	all := func(o ...operation) []operation { return o }
	get := func(a access, h handler) operation { return operation{method: http.MethodGet, access: a, handle: h} }
	put := func(a access, h handler) operation { return operation{method: http.MethodPut, access: a, handle: h} }
	post := func(a access, h handler) operation { return operation{method: http.MethodPost, access: a, handle: h} }
	del := func(a access, h handler) operation { return operation{method: http.MethodDelete, access: a, handle: h} }
	return []route{
		{path: "/", operations: all(get(forAll, s.root))},
		{path: "/health", operations: all(get(forAll, s.health)), quiet: true},
		{path: "/ready", operations: all(get(forAll, s.ready)), quiet: true},
		{path: "/metrics", operations: all(get(forReaders, s.showMetrics).in(contentMetrics)), quiet: true},
		{path: "/version", operations: all(get(forReaders, s.showVersion)), quiet: true},
		{path: "/openapi.yaml", operations: all(get(forReaders, s.showContract).in(contentYAML))},
		{path: "/sessions", operations: all(get(forReaders, s.listSessions).in(listForms...))},
		{path: "/sessions/:id", operations: all(get(forReaders, s.showSession), del(forAdmins, s.closeSession))},
		{path: "/sessions/:id/connections", operations: all(get(forReaders, s.listConnections).in(listForms...))},
		{path: "/sessions/:id/events", operations: all(get(forReaders, s.listEvents).in(trailForms...))},
		{path: eventsPath, operations: all(get(forFeed, s.feed).in(feedForms...), post(forSources, s.takeReports).in(contentJSON, contentNDJSON))},
		{path: "/services", operations: all(get(forReaders, s.listServices).in(listForms...))},
		{path: "/services/:name", operations: all(get(forReaders, s.showService))},
		{path: "/services/:name/sessions", operations: all(
			get(forReaders, s.listServiceSessions).in(listForms...), del(forAdmins, s.closeServiceSessions))},
		{path: "/services/:name/listeners", operations: all(get(forReaders, s.listListeners).in(listForms...))},
		{path: "/services/:name/stop", operations: all(put(forAdmins, s.switchService(true)))},
		{path: "/services/:name/start", operations: all(put(forAdmins, s.switchService(false)))},
		{path: "/servers", operations: all(get(forReaders, s.listServers).in(listForms...))},
		{path: "/servers/:name", operations: all(get(forReaders, s.showServer))},
		{path: "/servers/:name/sessions", operations: all(get(forReaders, s.listServerSessions).in(listForms...))},
		{path: "/sources", operations: all(get(forReaders, s.listSources).in(listForms...))},
		{path: "/sources/:name", operations: all(get(forReaders, s.showSource))},
	}
}

// newEngine makes the router of all routes.
func (s *Server) newEngine() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	// Paths are matched as they were sent, so that a name may hold a slash, and are
	// never corrected by a redirect.
	engine.UseEscapedPath = true
	engine.UnescapePathValues = false
	engine.RedirectTrailingSlash = false
	engine.HandleMethodNotAllowed = true
	var every []operation
	for _, r := range s.routes() {
		every = append(every, r.operations...)
		allow := []string{allowed(r.operations)}
		for _, o := range r.operations {
			adapted := s.adapt(endpoint{handle: o.handle, access: o.access, forms: o.forms, allow: allow, quiet: r.quiet})
			engine.Handle(o.method, r.path, adapted)
			if o.method == http.MethodGet {
				engine.HEAD(r.path, adapted)
			}
		}
		engine.OPTIONS(r.path, s.adapt(endpoint{
			handle: s.options, access: accessOfOptions(r.operations), allow: allow, quiet: r.quiet, anyType: true,
		}))
	}
	s.methods = allowed(every)
	engine.NoMethod(s.adapt(endpoint{handle: wrongMethod, access: forAccounts, anyType: true}))
	engine.NoRoute(s.adapt(endpoint{handle: s.noRoute, access: forAccounts, anyType: true}))
	return engine
}

// allowed is the value of Allow for what has these operations.
func allowed(operations []operation) string {
	all := []string{http.MethodOptions}
	for _, o := range operations {
		all = append(all, o.method)
		if o.method == http.MethodGet {
			all = append(all, http.MethodHead)
		}
	}
	slices.Sort(all)
	return strings.Join(slices.Compact(all), ", ")
}

// accessOfOptions is who may ask what can be done with a path: everybody where
// something can be done by everybody, and otherwise who has an account.
func accessOfOptions(operations []operation) access {
	for _, o := range operations {
		if o.access == forAll {
			return forAll
		}
	}
	return forAccounts
}

// options answers with Allow, which is there already.
func (s *Server) options(c *gin.Context) error {
	stamp(c, s.registry.Moment().Sequence)
	c.Status(http.StatusNoContent)
	c.Writer.WriteHeaderNow()
	return nil
}

// wrongMethod refuses a method that the path does not have. The router has found
// out which it has.
func wrongMethod(c *gin.Context) error {
	methods := strings.Split(c.Writer.Header().Get("Allow"), ", ")
	slices.Sort(methods)
	allow := strings.Join(methods, ", ")
	c.Header("Allow", allow)
	return &failure{
		status: http.StatusMethodNotAllowed, short: "Method not allowed",
		long: c.Request.Method + " cannot be done with " + c.Request.URL.Path + "; these can: " + allow + ".",
	}
}

// noRoute refuses a path that there is not. OPTIONS * is about the server as a whole.
func (s *Server) noRoute(c *gin.Context) error {
	if c.Request.Method == http.MethodOptions && c.Request.RequestURI == "*" {
		c.Header("Allow", s.methods)
		return s.options(c)
	}
	return &failure{
		status: http.StatusNotFound, short: "Not found",
		long: "There is nothing at " + c.Request.URL.Path + ".",
	}
}
