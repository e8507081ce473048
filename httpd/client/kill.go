package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Kill says how a session is to be ended.
type Kill struct {
	// Reason is free text, which is recorded.
	Reason string
	// TTL is how long the session may go on; 0 ends it now.
	TTL time.Duration
	// Version guards the kill: it is refused with 412 when the session has changed since
	// this version. 0 does not.
	Version uint64
}

func (k *Kill) request(path string) request {
	r := request{method: http.MethodDelete, path: path, query: url.Values{}, header: http.Header{}}
	if k.Reason != "" {
		r.query.Set("reason", k.Reason)
	}
	if k.TTL > 0 {
		r.query.Set("ttl", k.TTL.String())
	}
	if k.Version > 0 {
		r.header.Set("If-Match", `"`+strconv.FormatUint(k.Version, 10)+`"`)
	}
	return r
}

// KillResult is what became of a kill.
type KillResult struct {
	// Confirmed: the client and every backend connection are closed and that is recorded.
	// Otherwise the session will end, at its time or as soon as its source acts.
	Confirmed bool
	// LeftRunning is what a server may still do for the session, nil for nothing that is known.
	LeftRunning *LeftRunning
}

// LeftRunning is a connection for which its server may still run a statement.
type LeftRunning struct {
	Session      uint64 `json:"session"`
	Server       string `json:"server"`
	ConnectionID uint64 `json:"connection_id"`
}

// Kill ends a session, or schedules its end.
func (c *Client) Kill(ctx context.Context, id uint64, k Kill) (KillResult, error) {
	answer, err := c.send(ctx, k.request(sessionPath(id)))
	if err != nil {
		return KillResult{}, err
	}
	got := KillResult{Confirmed: answer.StatusCode == http.StatusNoContent}
	server, number, found := strings.Cut(answer.Header.Get("Gatebook-Left-Running"), " ")
	if connection, err := strconv.ParseUint(number, 10, 64); found && err == nil {
		got.LeftRunning = &LeftRunning{Session: id, Server: "/servers/" + server, ConnectionID: connection}
	}
	return got, answer.Body.Close()
}

// Withdraw takes back a kill that is scheduled.
func (c *Client) Withdraw(ctx context.Context, id uint64) error {
	return c.do(ctx, request{method: http.MethodDelete, path: sessionPath(id), query: url.Values{"cancel": {"true"}}})
}

// Killed counts sessions whose end was requested together.
type Killed struct {
	// Closed have ended and that is recorded, Pending not yet.
	Closed  int `json:"closed"`
	Pending int `json:"pending"`
	// LeftRunning is what servers may still do for those that are closed.
	LeftRunning []LeftRunning `json:"left_running"`
}

// KillService ends all live sessions of a service but the caller's own. With dryRun it only
// counts them, as pending.
func (c *Client) KillService(ctx context.Context, service, reason string, dryRun bool) (Killed, error) {
	k := Kill{Reason: reason}
	r := k.request("/services" + segment(service) + "/sessions")
	if dryRun {
		r.query.Set("dry_run", "true")
	}
	answer, err := c.send(ctx, r)
	if err != nil {
		return Killed{}, err
	}
	defer answer.Body.Close()
	var counted Killed
	err = decode(answer, &counted)
	return counted, err
}

// do sends a request whose answer has no body.
func (c *Client) do(ctx context.Context, r request) error {
	answer, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}
