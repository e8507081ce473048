package httpd

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"gatebook/httpd/access"
	"gatebook/httpd/render"
	"gatebook/httpd/web"
	"gatebook/projection"
)

// keyPath is the path of the keys that verify heads.
const keyPath = "/log/key"

// operation is a method of a path.
type operation struct {
	method string
	access access.Level
	handle handler
	// forms are the media types that answers can have, best first; nil for JSON alone.
	forms []string
}

// route is a path with its operations, without HEAD and OPTIONS, which newEngine adds.
type route struct {
	path       string
	operations []operation
	// unrecorded routes do not have connections recorded: probes use them, and the answers
	// say nothing about sessions.
	unrecorded bool
}

// as returns the operation with the media types of its answers, best first.
func (o operation) as(forms ...string) operation {
	o.forms = forms
	return o
}

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
	accounts  *accountKeeping
	page      *page
	signIns   *signIns
	backups   *backups
	folder    *folderInfo
	proofs    *proofs
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
		{path: "/", operations: all(get(access.ForAll, a.page.root).as(render.JSON, contentHTML))},
		{path: "/web/:folder/:file", operations: all(get(access.ForAll, a.page.file).as(web.Types()...))},
		{path: "/sign-in", operations: all(get(access.ForAll, a.signIns.show), post(access.ForAll, a.signIns.signIn), del(access.ForAll, a.signIns.signOut))},
		{path: "/health", operations: all(get(access.ForAll, a.status.health)), unrecorded: true},
		{path: "/ready", operations: all(get(access.ForAll, a.status.ready)), unrecorded: true},
		{path: "/metrics", operations: all(get(access.ForReaders, a.status.showMetrics).as(contentMetrics)), unrecorded: true},
		{path: "/version", operations: all(get(access.ForReaders, a.status.version)), unrecorded: true},
		{path: "/log/checkpoint", operations: all(get(access.ForReaders, a.proofs.checkpoint).as(contentText))},
		{path: keyPath, operations: all(get(access.ForReaders, a.proofs.keys).as(contentText))},
		{path: "/log/proof/inclusion", operations: all(get(access.ForReaders, a.proofs.inclusion))},
		{path: "/log/proof/consistency", operations: all(get(access.ForReaders, a.proofs.consistency))},
		{path: "/log/records/:sequence", operations: all(get(access.ForReaders, a.proofs.record))},
		{path: "/backup", operations: all(get(access.ForAdmins, a.backups.send).as(contentTar))},
		{path: "/info", operations: all(get(access.ForAdmins, a.folder.show))},
		{path: "/openapi.yaml", operations: all(get(access.ForReaders, a.status.showContract).as(contentYAML))},
		{path: "/sessions", operations: all(get(access.ForReaders, a.sessions.list).as(render.ListForms()...))},
		{path: "/sessions/counts", operations: all(get(access.ForReaders, a.sessions.count).as(render.ListForms()...))},
		{path: "/sessions/:id", operations: all(get(access.ForReaders, a.sessions.show), del(access.ForAdmins, a.kills.one))},
		{path: "/sessions/:id/connections", operations: all(get(access.ForReaders, a.sessions.listConnections).as(render.ListForms()...))},
		{path: "/sessions/:id/events", operations: all(get(access.ForReaders, a.feeds.trail).as(trailForms()...))},
		{path: eventsPath, operations: all(get(access.ForFeed, a.feeds.list).as(feedForms()...), post(access.ForSources, a.intake.take).as(render.JSON, render.NDJSON))},
		{path: "/services", operations: all(get(access.ForReaders, a.services.list).as(render.ListForms()...))},
		{path: "/services/:name", operations: all(get(access.ForReaders, a.services.show))},
		{path: "/services/:name/sessions", operations: all(
			get(access.ForReaders, a.sessions.listOfService).as(render.ListForms()...), del(access.ForAdmins, a.kills.ofService))},
		{path: "/services/:name/listeners", operations: all(get(access.ForReaders, a.listeners.list).as(render.ListForms()...))},
		{path: "/services/:name/stop", operations: all(put(access.ForAdmins, a.services.switchTo(true)))},
		{path: "/services/:name/start", operations: all(put(access.ForAdmins, a.services.switchTo(false)))},
		{path: "/servers", operations: all(get(access.ForReaders, a.servers.list).as(render.ListForms()...))},
		{path: "/servers/:name", operations: all(get(access.ForReaders, a.servers.show))},
		{path: "/servers/:name/sessions", operations: all(get(access.ForReaders, a.sessions.listOfServer).as(render.ListForms()...))},
		{path: "/sources", operations: all(get(access.ForReaders, a.sources.list).as(render.ListForms()...))},
		{path: "/sources/:name", operations: all(get(access.ForReaders, a.sources.show))},
		{path: tokensPath, operations: all(
			get(access.ForAccounts, a.accounts.listTokens).as(render.ListForms()...), post(access.ForOwners, a.accounts.makeToken))},
		{path: tokensPath + "/:name", operations: all(del(access.ForOwners, a.accounts.revokeToken))},
	}
}

// routesBelow returns the table of all routes, with that of the base path without its slash.
func (a *api) routesBelow(base string) []route {
	all := a.routes()
	if base != "" {
		to := operation{method: http.MethodGet, access: access.ForAll, handle: a.page.toFolder}
		all = append(all, route{path: base, operations: []operation{to.as(render.JSON, contentHTML)}})
	}
	return all
}

// newEngine returns the router of all routes.
func newEngine(routes []route, t *adapter) *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	// Paths are matched as they were sent, so that a name may hold a slash, and never
	// corrected by a redirect.
	engine.UseEscapedPath = true
	engine.UnescapePathValues = false
	engine.RedirectTrailingSlash = false
	engine.HandleMethodNotAllowed = true
	var every []operation
	for _, r := range routes {
		every = append(every, r.operations...)
		allow := []string{allowed(r.operations)}
		for _, o := range r.operations {
			adapted := t.adapt(endpoint{handle: o.handle, access: o.access, forms: o.forms, allow: allow, unrecorded: r.unrecorded})
			engine.Handle(o.method, r.path, adapted)
			if o.method == http.MethodGet {
				engine.HEAD(r.path, adapted)
			}
		}
		engine.OPTIONS(r.path, t.adapt(endpoint{
			handle: t.options, access: accessOfOptions(r.operations), allow: allow, unrecorded: r.unrecorded, noBody: true,
		}))
	}
	engine.NoMethod(t.adapt(endpoint{handle: wrongMethod, access: access.ForAccounts, noBody: true}))
	engine.NoRoute(t.adapt(endpoint{handle: t.noRoute(allowed(every)), access: access.ForAccounts, noBody: true}))
	return engine
}

// allowed returns the value of the header Allow for these operations.
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

// accessOfOptions returns the level of OPTIONS: a login is needed unless one of the
// operations needs none.
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

// wrongMethod refuses a method that the path does not have. The router has written the header
// Allow.
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

// noRoute returns the handler of unknown paths. It answers OPTIONS * with the methods of the
// server as a whole.
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
