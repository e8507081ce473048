package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// pageSize is how many sessions one request asks for.
const pageSize = 1000

// Query says which sessions to list. Values are those of the API's parameters, so that a
// time is written as there: 2026-11-24T03:12:00Z, or a duration back from now such as 24h.
// A filter with several values means either; different filters combine.
type Query struct {
	// Status is live (the default), closed, lost or all.
	Status []string
	// User, Database and Program are compared exactly.
	User, Database, Program []string
	// Activity is idle or waiting.
	Activity []string
	// Service and Server and Source are names.
	Service, Server, Source []string
	Reason, By              []string
	// Address is an address or a network.
	Address []string
	// Since and Until bound a window: sessions alive at any moment in it.
	Since, Until string
	// At asks for the answer as of a time or a record's sequence.
	At string
	// Sort is the order: id, ended, and of live sessions opened, idle, rate or user; "-" before
	// it turns it round.
	Sort string
	// Limit is how many to list at most; 0 lists all.
	Limit int
	// Fields are the members wanted; none means all.
	Fields []string
}

func (q *Query) values() url.Values {
	v := url.Values{}
	all := map[string][]string{
		"user": q.User, "database": q.Database, "program": q.Program, "service": q.Service, "server": q.Server, "source": q.Source,
		"reason": q.Reason, "by": q.By, "address": q.Address,
	}
	for name, values := range all {
		if len(values) > 0 {
			v[name] = values
		}
	}
	one := map[string]string{
		"status": strings.Join(q.Status, ","), "activity": strings.Join(q.Activity, ","), "since": q.Since, "until": q.Until, "at": q.At, "sort": q.Sort,
	}
	for name, value := range one {
		if value != "" {
			v.Set(name, value)
		}
	}
	v.Set("fields", "*")
	if len(q.Fields) > 0 {
		v.Set("fields", strings.Join(q.Fields, ","))
	}
	return v
}

// Sessions yields the sessions that match, a page at a time. An error ends it.
func (c *Client) Sessions(ctx context.Context, q Query) iter.Seq2[Session, error] {
	return func(yield func(Session, error) bool) {
		values, left := q.values(), q.Limit
		for {
			size := pageSize
			if q.Limit > 0 {
				size = min(size, left)
			}
			values.Set("limit", strconv.Itoa(size))
			var page []Session
			header, err := c.get(ctx, "/sessions", values, &page)
			if err != nil {
				yield(Session{}, err)
				return
			}
			for i := range page {
				if !yield(page[i], nil) {
					return
				}
			}
			next, err := nextPage(header)
			if left -= len(page); err != nil {
				yield(Session{}, err)
				return
			}
			if next == nil || q.Limit > 0 && left <= 0 {
				return
			}
			values = next
		}
	}
}

// SessionsAt returns the sessions at the positions in a list of live sessions from first on, at
// most q.Limit of them, and how many match in all.
func (c *Client) SessionsAt(ctx context.Context, q Query, first int) (page []Session, total uint64, err error) {
	values := q.values()
	values.Set("range", fmt.Sprintf("%d-%d", first, first+max(q.Limit, 1)-1))
	values.Set("count", "true")
	header, err := c.get(ctx, "/sessions", values, &page)
	if err != nil {
		return nil, 0, err
	}
	total, err = totalOf(header)
	return page, total, err
}

// totalOf returns how many sessions match a list.
func totalOf(header http.Header) (uint64, error) {
	n, err := strconv.ParseUint(header.Get("X-Total-Count"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the server did not say how many sessions match: X-Total-Count is %q", header.Get("X-Total-Count"))
	}
	return n, nil
}

// nextPage returns the parameters of the next page, nil where there is none.
func nextPage(header http.Header) (url.Values, error) {
	for _, link := range header.Values("Link") {
		target, rest, ok := strings.Cut(strings.TrimPrefix(link, "<"), ">")
		if !ok || !strings.Contains(rest, `rel="next"`) {
			continue
		}
		u, err := url.Parse(target)
		if err != nil {
			return nil, fmt.Errorf("the link to the next page is %q: %w", link, err)
		}
		return u.Query(), nil
	}
	return nil, nil
}

// Count returns how many sessions match.
func (c *Client) Count(ctx context.Context, q Query) (uint64, error) {
	values := q.values()
	values.Set("count", "true")
	values.Set("limit", "1")
	values.Set("fields", "id")
	var page []Session
	header, err := c.get(ctx, "/sessions", values, &page)
	if err != nil {
		return 0, err
	}
	return totalOf(header)
}

// Session returns one session, live or ended; at is a time or a record's sequence to see it
// as of then, or "".
func (c *Client) Session(ctx context.Context, id uint64, at string) (Session, error) {
	var s Session
	_, err := c.get(ctx, sessionPath(id), withAt(at, url.Values{"fields": {"*"}}), &s)
	return s, err
}

// Connections returns the connections of a session in the order they came, the client's
// first; at is as for [Client.Session].
func (c *Client) Connections(ctx context.Context, id uint64, at string) ([]Connection, error) {
	var all []Connection
	_, err := c.get(ctx, sessionPath(id)+"/connections", withAt(at, url.Values{"fields": {"*"}, "role": {"all"}}), &all)
	return all, err
}

// Trail returns the records of a session, oldest first.
func (c *Client) Trail(ctx context.Context, id uint64) ([]Event, error) {
	var all []Event
	_, err := c.get(ctx, sessionPath(id)+"/events", nil, &all)
	return all, err
}

func withAt(at string, v url.Values) url.Values {
	if at != "" {
		v.Set("at", at)
	}
	return v
}

func sessionPath(id uint64) string { return "/sessions/" + strconv.FormatUint(id, 10) }
