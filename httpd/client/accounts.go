package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// Account is an account of the API, without its secrets.
type Account struct {
	Name string `json:"name"`
	Role string `json:"role"`
	// Password: it has one. Tokens is how many it has.
	Password bool      `json:"password"`
	Tokens   int       `json:"tokens"`
	Changed  time.Time `json:"changed"`
}

// Accounts returns all accounts, in ascending order of name. Like all methods about accounts
// it needs the control socket ([Options.Socket]).
func (c *Client) Accounts(ctx context.Context) ([]Account, error) {
	var list []Account
	_, err := c.get(ctx, "/accounts", nil, &list)
	return list, err
}

// AddAccount adds an account. One without a password ("") logs in with a token.
func (c *Client) AddAccount(ctx context.Context, name, role, password string) error {
	return c.put(ctx, http.MethodPost, "/accounts", struct {
		Name     string `json:"name"`
		Role     string `json:"role"`
		Password string `json:"password"`
	}{name, role, password})
}

// SetPassword gives an account another password, and revokes its tokens unless keepTokens is
// set.
func (c *Client) SetPassword(ctx context.Context, name, password string, keepTokens bool) error {
	return c.put(ctx, http.MethodPut, "/accounts"+segment(name)+"/password", struct {
		Password   string `json:"password"`
		KeepTokens bool   `json:"keep_tokens"`
	}{password, keepTokens})
}

// RemoveAccount removes an account. Without force the server keeps the last one of an
// administrator.
func (c *Client) RemoveAccount(ctx context.Context, name string, force bool) error {
	return c.put(ctx, http.MethodDelete, "/accounts"+segment(name), struct {
		Force bool `json:"force"`
	}{force})
}

// put sends an object in a request whose answer has no body.
func (c *Client) put(ctx context.Context, method, path string, v any) error {
	r, err := object(method, path, v)
	if err != nil {
		return err
	}
	return c.do(ctx, r)
}

// object returns a request that carries an object.
func object(method, path string, v any) (request, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return request{}, fmt.Errorf("%s %s: %w", method, path, err)
	}
	return request{method: method, path: path, header: http.Header{"Content-Type": {"application/json"}}, body: bytes.NewReader(body)}, nil
}
