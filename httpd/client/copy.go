package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Copy writes the server's own answer to a GET, in the form of that media type.
func (c *Client) Copy(ctx context.Context, to io.Writer, path string, query url.Values, form string) error {
	answer, err := c.send(ctx, request{method: http.MethodGet, path: path, query: query, header: http.Header{"Accept": {form}}})
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.Copy(to, answer.Body); err != nil {
		return fmt.Errorf("read the answer to %s: %w", path, err)
	}
	return nil
}

// Values returns the parameters of the query, as the API takes them.
func (q *Query) Values() url.Values { return q.values() }

// Values returns the parameters of the query, as the API takes them.
func (q *EventQuery) Values() url.Values {
	v := q.values()
	if q.After > 0 {
		v.Set("after", strconv.FormatUint(q.After, 10))
	}
	return v
}

// Head returns the sequence of the log's last record.
func (c *Client) Head(ctx context.Context) (uint64, error) {
	answer, err := c.send(ctx, request{method: http.MethodHead, path: "/sources"})
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	n, err := strconv.ParseUint(answer.Header.Get("Gatebook-Sequence"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the server did not say how far its log goes: Gatebook-Sequence is %q", answer.Header.Get("Gatebook-Sequence"))
	}
	return n, nil
}

// Counted is how many sessions a group has.
type Counted struct {
	// Group is the group's value, "" for the sessions that have none.
	Group    string `json:"group"`
	Sessions uint64 `json:"sessions"`
}

// Counts returns how many sessions match, by a group: user, service, server, address,
// network, reason, by, source or hour. The largest come first. The query's order and moment
// do not matter.
func (c *Client) Counts(ctx context.Context, group string, q Query) ([]Counted, error) {
	v := q.values()
	v.Del("fields")
	v.Del("sort")
	v.Set("group", group)
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	var list []Counted
	_, err := c.get(ctx, "/sessions/counts", v, &list)
	return list, err
}
