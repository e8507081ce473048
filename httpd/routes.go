package httpd

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"
)

// handler answers a request, or returns the error that is the answer.
type handler func(c *gin.Context) error

// route is a path and what can be done with it. HEAD and OPTIONS go without
// saying.
type route struct {
	path    string
	methods map[string]handler
	// quiet paths open no session in the book: a probe that asks nothing about it.
	quiet bool
}

func (s *Server) routes() []route {
	get := func(h handler) map[string]handler { return map[string]handler{http.MethodGet: h} }
	put := func(h handler) map[string]handler { return map[string]handler{http.MethodPut: h} }
	return []route{
		{path: "/", methods: get(s.root)},
		{path: "/health", methods: get(s.health), quiet: true},
		{path: "/ready", methods: get(s.ready), quiet: true},
		{path: "/sessions", methods: get(s.listSessions)},
		{path: "/sessions/:id", methods: map[string]handler{
			http.MethodGet:    s.showSession,
			http.MethodDelete: s.closeSession,
		}},
		{path: "/sessions/:id/connections", methods: get(s.listConnections)},
		{path: "/services", methods: get(s.listServices)},
		{path: "/services/:name", methods: get(s.showService)},
		{path: "/services/:name/stop", methods: put(s.switchService(true))},
		{path: "/services/:name/start", methods: put(s.switchService(false))},
		{path: "/servers", methods: get(s.listServers)},
		{path: "/servers/:name", methods: get(s.showServer)},
		{path: "/sources", methods: get(s.listSources)},
		{path: "/sources/:name", methods: get(s.showSource)},
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
	for _, r := range s.routes() {
		allow := []string{allowed(r.methods)}
		for method, h := range r.methods {
			adapted := s.adapt(endpoint{handle: h, allow: allow, quiet: r.quiet})
			engine.Handle(method, r.path, adapted)
			if method == http.MethodGet {
				engine.HEAD(r.path, adapted)
			}
		}
		engine.OPTIONS(r.path, s.adapt(endpoint{handle: s.options, allow: allow, quiet: r.quiet, anyType: true}))
	}
	engine.NoMethod(s.adapt(endpoint{handle: wrongMethod, anyType: true}))
	engine.NoRoute(s.adapt(endpoint{handle: noRoute, anyType: true}))
	return engine
}

// allowed is the value of Allow for a path with these methods.
func allowed(methods map[string]handler) string {
	all := []string{http.MethodOptions}
	for method := range methods {
		all = append(all, method)
		if method == http.MethodGet {
			all = append(all, http.MethodHead)
		}
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
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

func noRoute(c *gin.Context) error {
	return &failure{
		status: http.StatusNotFound, short: "Not found",
		long: "There is nothing at " + c.Request.URL.Path + ".",
	}
}
