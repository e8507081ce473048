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
