package httpd

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"gatebook/httpd/access"
	"gatebook/httpd/render"
	"gatebook/projection"
)

// handler answers a request, or returns the error that is the answer.
type handler func(c *gin.Context) error

// operation is what a method of a path does, and who may ask for it.
type operation struct {
	method string
	access access.Level
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

// The folders that links lead to.
const (
	servicesFolder = "/services/"
	serversFolder  = "/servers/"
	sourcesFolder  = "/sources/"
)

// eventsPath is where reports go, and the feed comes from.
const eventsPath = "/events"

// api holds the handlers of all routes.
type api struct {
	sessions  *sessions
	kills     *kills
	services  *services
	listeners *listeners
	servers   *collection[*projection.Server]
	sources   *collection[*projection.Source]
	feeds     *feeds
	intake    *intake
	status    *status
}

// routes returns the table of all routes.
func (a *api) routes() []route {
	all := func(o ...operation) []operation { return o }
	get := func(a access.Level, h handler) operation {
		return operation{method: http.MethodGet, access: a, handle: h}
	}
	put := func(a access.Level, h handler) operation {
		return operation{method: http.MethodPut, access: a, handle: h}
	}
	post := func(a access.Level, h handler) operation {
		return operation{method: http.MethodPost, access: a, handle: h}
	}
	del := func(a access.Level, h handler) operation {
		return operation{method: http.MethodDelete, access: a, handle: h}
	}
	return []route{
		{path: "/", operations: all(get(access.ForAll, a.status.root))},
		{path: "/health", operations: all(get(access.ForAll, a.status.health)), quiet: true},
		{path: "/ready", operations: all(get(access.ForAll, a.status.ready)), quiet: true},
		{path: "/metrics", operations: all(get(access.ForReaders, a.status.showMetrics).in(contentMetrics)), quiet: true},
		{path: "/version", operations: all(get(access.ForReaders, a.status.version)), quiet: true},
		{path: "/openapi.yaml", operations: all(get(access.ForReaders, a.status.showContract).in(contentYAML))},
		{path: "/sessions", operations: all(get(access.ForReaders, a.sessions.list).in(render.ListForms()...))},
		{path: "/sessions/:id", operations: all(get(access.ForReaders, a.sessions.show), del(access.ForAdmins, a.kills.one))},
		{path: "/sessions/:id/connections", operations: all(get(access.ForReaders, a.sessions.listConnections).in(render.ListForms()...))},
		{path: "/sessions/:id/events", operations: all(get(access.ForReaders, a.feeds.trail).in(trailForms...))},
		{path: eventsPath, operations: all(get(access.ForFeed, a.feeds.list).in(feedForms...), post(access.ForSources, a.intake.take).in(render.JSON, render.NDJSON))},
		{path: "/services", operations: all(get(access.ForReaders, a.services.list).in(render.ListForms()...))},
		{path: "/services/:name", operations: all(get(access.ForReaders, a.services.show))},
		{path: "/services/:name/sessions", operations: all(
			get(access.ForReaders, a.sessions.listOfService).in(render.ListForms()...), del(access.ForAdmins, a.kills.ofService))},
		{path: "/services/:name/listeners", operations: all(get(access.ForReaders, a.listeners.list).in(render.ListForms()...))},
		{path: "/services/:name/stop", operations: all(put(access.ForAdmins, a.services.switchTo(true)))},
		{path: "/services/:name/start", operations: all(put(access.ForAdmins, a.services.switchTo(false)))},
		{path: "/servers", operations: all(get(access.ForReaders, a.servers.list).in(render.ListForms()...))},
		{path: "/servers/:name", operations: all(get(access.ForReaders, a.servers.show))},
		{path: "/servers/:name/sessions", operations: all(get(access.ForReaders, a.sessions.listOfServer).in(render.ListForms()...))},
		{path: "/sources", operations: all(get(access.ForReaders, a.sources.list).in(render.ListForms()...))},
		{path: "/sources/:name", operations: all(get(access.ForReaders, a.sources.show))},
	}
}

// newEngine returns the router of all routes.
func newEngine(routes []route, t *adapter) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	// Paths are matched as they were sent, so that a name may hold a slash, and are
	// never corrected by a redirect.
	engine.UseEscapedPath = true
	engine.UnescapePathValues = false
	engine.RedirectTrailingSlash = false
	engine.HandleMethodNotAllowed = true
	var every []operation
	for _, r := range routes {
		every = append(every, r.operations...)
		allow := []string{allowed(r.operations)}
		for _, o := range r.operations {
			adapted := t.adapt(endpoint{handle: o.handle, access: o.access, forms: o.forms, allow: allow, quiet: r.quiet})
			engine.Handle(o.method, r.path, adapted)
			if o.method == http.MethodGet {
				engine.HEAD(r.path, adapted)
			}
		}
		engine.OPTIONS(r.path, t.adapt(endpoint{
			handle: t.options, access: accessOfOptions(r.operations), allow: allow, quiet: r.quiet, anyType: true,
		}))
	}
	engine.NoMethod(t.adapt(endpoint{handle: wrongMethod, access: access.ForAccounts, anyType: true}))
	engine.NoRoute(t.adapt(endpoint{handle: t.noRoute(allowed(every)), access: access.ForAccounts, anyType: true}))
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
func accessOfOptions(operations []operation) access.Level {
	for _, o := range operations {
		if o.access == access.ForAll {
			return access.ForAll
		}
	}
	return access.ForAccounts
}

// options answers with the header Allow, which adapt has written.
func (t *adapter) options(c *gin.Context) error {
	return t.answers.empty(c, http.StatusNoContent)
}

// wrongMethod refuses a method that the path does not have. The router has found
// out which it has.
func wrongMethod(c *gin.Context) error {
	methods := strings.Split(c.Writer.Header().Get("Allow"), ", ")
	slices.Sort(methods)
	allow := strings.Join(methods, ", ")
	c.Header("Allow", allow)
	return &render.Failure{
		Status: http.StatusMethodNotAllowed, Title: "Method not allowed",
		Description: c.Request.Method + " cannot be done with " + c.Request.URL.Path + "; these can: " + allow + ".",
	}
}

// noRoute returns the handler of unknown paths. It answers OPTIONS * for the server as a
// whole, which has those methods.
func (t *adapter) noRoute(methods string) handler {
	return func(c *gin.Context) error {
		if c.Request.Method == http.MethodOptions && c.Request.RequestURI == "*" {
			c.Header("Allow", methods)
			return t.options(c)
		}
		return &render.Failure{
			Status: http.StatusNotFound, Title: "Not found",
			Description: "There is nothing at " + c.Request.URL.Path + ".",
		}
	}
}
