package client

import (
	"context"
	"net/http"
	"net/url"
)

// all asks for a list with every member.
func all[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	var list []T
	_, err := c.get(ctx, path, url.Values{"fields": {"*"}}, &list)
	return list, err
}

// one asks for one thing with every member.
func one[T any](ctx context.Context, c *Client, path string) (T, error) {
	var v T
	_, err := c.get(ctx, path, url.Values{"fields": {"*"}}, &v)
	return v, err
}

// Services returns all services, in the order in which they were first met.
func (c *Client) Services(ctx context.Context) ([]Service, error) {
	return all[Service](ctx, c, "/services")
}

// Service returns the service of that name.
func (c *Client) Service(ctx context.Context, name string) (Service, error) {
	return one[Service](ctx, c, "/services"+segment(name))
}

// Listeners returns the addresses at which a service takes clients.
func (c *Client) Listeners(ctx context.Context, service string) ([]Listener, error) {
	return all[Listener](ctx, c, "/services"+segment(service)+"/listeners")
}

// StopService has a service of the gateway take no new sessions. It holds over a restart.
func (c *Client) StopService(ctx context.Context, name string) error {
	return c.do(ctx, request{method: http.MethodPut, path: "/services" + segment(name) + "/stop"})
}

// StartService has a service of the gateway take new sessions again.
func (c *Client) StartService(ctx context.Context, name string) error {
	return c.do(ctx, request{method: http.MethodPut, path: "/services" + segment(name) + "/start"})
}

// Servers returns all servers, in the order in which they were first met.
func (c *Client) Servers(ctx context.Context) ([]Server, error) {
	return all[Server](ctx, c, "/servers")
}

// Server returns the server of that name.
func (c *Client) Server(ctx context.Context, name string) (Server, error) {
	return one[Server](ctx, c, "/servers"+segment(name))
}

// Sources returns all sources, in the order in which they were first met.
func (c *Client) Sources(ctx context.Context) ([]Source, error) {
	return all[Source](ctx, c, "/sources")
}

// Source returns the source of that name.
func (c *Client) Source(ctx context.Context, name string) (Source, error) {
	return one[Source](ctx, c, "/sources"+segment(name))
}

// Ready returns nil when the server can record, and otherwise the [*Error] that says why it
// cannot.
func (c *Client) Ready(ctx context.Context) error {
	return c.do(ctx, request{method: http.MethodGet, path: "/ready"})
}

// Version returns which program answers.
func (c *Client) Version(ctx context.Context) (Version, error) {
	var v Version
	_, err := c.get(ctx, "/version", nil, &v)
	return v, err
}
