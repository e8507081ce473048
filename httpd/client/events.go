package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Event is a record of the log. Which members it has beyond the first five depends on its
// kind; the others are zero.
type Event struct {
	Sequence uint64    `json:"sequence"`
	Time     time.Time `json:"time"`     // when it was recorded
	Occurred time.Time `json:"occurred"` // when it happened, by the source's clock
	Kind     string    `json:"kind"`
	Session  uint64    `json:"session"` // 0 for none
	// Erased: the members about a person were deleted.
	Erased bool `json:"erased"`

	Source      string      `json:"source"`
	Incarnation string      `json:"incarnation"`
	Version     string      `json:"version"`
	Host        string      `json:"host"`
	Lease       string      `json:"lease"`
	Cause       string      `json:"cause"`
	LastSeen    time.Time   `json:"last_seen"`
	Number      uint64      `json:"number"`
	Name        string      `json:"name"`
	Protocol    string      `json:"protocol"`
	Router      string      `json:"router"`
	Listeners   []string    `json:"listeners"`
	Servers     []string    `json:"servers"`
	Stopped     bool        `json:"stopped"`
	By          string      `json:"by"`
	Address     string      `json:"address"`
	Port        uint16      `json:"port"`
	State       string      `json:"state"`
	Since       time.Time   `json:"since"`
	Type        string      `json:"type"`
	Key         string      `json:"key"`
	Service     string      `json:"service"`
	Listener    string      `json:"listener"`
	TLS         string      `json:"tls"`
	Subject     string      `json:"subject"`
	User        string      `json:"user"`
	Database    string      `json:"database"`
	Program     string      `json:"program"`
	Reason      string      `json:"reason"`
	Note        string      `json:"description"`
	Connection  uint32      `json:"connection"`
	Server      string      `json:"server"`
	ServerID    uint64      `json:"connection_id"`
	Statistics  *Statistics `json:"statistics"`
	Active      time.Time   `json:"active"`
	Due         time.Time   `json:"due"`
	Sessions    uint64      `json:"sessions"`
	Events      uint64      `json:"events"`
	From        time.Time   `json:"from"`
	Until       time.Time   `json:"until"`
	Change      string      `json:"change"`
	Role        string      `json:"role"`
	Account     string      `json:"account"`
	Held        bool        `json:"held"`
	Rule        string      `json:"rule"`
	Records     uint64      `json:"records"`
	Before      time.Time   `json:"before"`
	Root        string      `json:"root"`
	Taken       time.Time   `json:"taken"`
	NextSession uint64      `json:"next_session"`
	// Connections are the last counters of the connections that the end of a session ends.
	Connections []Final `json:"connections"`

	// Raw is the event as the server sent it.
	Raw json.RawMessage `json:"-"`
}

// Final is the last counters of a connection; 0 is the client's.
type Final struct {
	Connection uint32     `json:"connection"`
	Statistics Statistics `json:"statistics"`
	Active     time.Time  `json:"active"`
}

// EventQuery says which records are wanted. Several values of one list mean either;
// different lists combine.
type EventQuery struct {
	Kind    []string
	Session []uint64
	Source  []string
	// After is the sequence after which to begin. 0 begins with the first record; where the
	// log is followed, with what comes, unless FromStart is set.
	After     uint64
	FromStart bool
	// Observations adds the observed counters of live connections to a log that is followed,
	// as events of kind "observation" without a sequence.
	Observations bool
}

// Observation is the kind of the events that are observed and not recorded.
const Observation = "observation"

func (q *EventQuery) values() url.Values {
	v := url.Values{}
	if len(q.Kind) > 0 {
		v.Set("kind", strings.Join(q.Kind, ","))
	}
	if len(q.Source) > 0 {
		v["source"] = q.Source
	}
	for _, id := range q.Session {
		v.Add("session", strconv.FormatUint(id, 10))
	}
	if q.Observations {
		v.Set("observations", "true")
	}
	return v
}

// Events yields the records there are, oldest first. An error ends it.
func (c *Client) Events(ctx context.Context, q EventQuery) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		values := q.values()
		if q.After > 0 {
			values.Set("after", strconv.FormatUint(q.After, 10))
		}
		answer, err := c.send(ctx, request{
			method: http.MethodGet, path: "/events", query: values, header: http.Header{"Accept": {"application/x-ndjson"}},
		})
		if err != nil {
			yield(Event{}, err)
			return
		}
		defer answer.Body.Close()
		lines := json.NewDecoder(answer.Body)
		for {
			var e Event
			err := lines.Decode(&e.Raw)
			if errors.Is(err, io.EOF) {
				return
			}
			if err == nil {
				err = json.Unmarshal(e.Raw, &e)
			}
			if err != nil {
				yield(Event{}, fmt.Errorf("read the log: %w", err))
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

const (
	// reconnectAfter is how long a follower waits before it connects again, at first, and
	// reconnectMost the most that this grows to by doubling.
	reconnectAfter = 500 * time.Millisecond
	reconnectMost  = 10 * time.Second
	// silence is how long a follower hears nothing before it takes the connection for
	// broken: the server sends a comment every 15 s.
	silence = 45 * time.Second
	// lineLimit bounds one line of what is followed, in bytes.
	lineLimit = 16 << 20
)

// Follow yields records as they are made, until ctx ends. When the connection breaks it
// connects again, waiting a little longer each time, and goes on after the last record it
// has yielded. An error that trying again cannot mend, such as a wrong password, ends it;
// lost, if not nil, is called with each error that it goes on after.
//
// The kills pending for a source that the query names come first, each time it connects
// anew without having yielded a record.
func (c *Client) Follow(ctx context.Context, q EventQuery, lost func(error)) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f := follower{client: c, query: q.values(), wait: reconnectAfter}
		switch {
		case q.After > 0:
			f.last = strconv.FormatUint(q.After, 10)
		case q.FromStart:
			f.query.Set("after", "0")
		}
		f.query.Set("follow", "true")
		for {
			err := f.connect(ctx, func(e Event) bool { return yield(e, nil) })
			switch {
			case errors.Is(err, errStopped) || ctx.Err() != nil:
				return
			case !passing(err):
				yield(Event{}, err)
				return
			case lost != nil:
				lost(err)
			}
			if !f.pause(ctx, err) {
				return
			}
		}
	}
}

// errStopped reports that the caller wants no more.
var errStopped = errors.New("stopped")

// passing reports whether an error may be over when one tries again.
func passing(err error) bool {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Status == http.StatusServiceUnavailable || e.Status == http.StatusTooManyRequests ||
			e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout
	}
	return true
}

// follower is a log that is followed over any number of connections.
type follower struct {
	client *Client
	query  url.Values
	last   string // the id of the last event, "" before the first
	wait   time.Duration
}

// pause waits before the next connection, and reports whether there is to be one.
func (f *follower) pause(ctx context.Context, err error) bool {
	wait := f.wait
	if e, ok := errors.AsType[*Error](err); ok {
		wait = max(wait, e.RetryAfter)
	}
	f.wait = min(2*f.wait, reconnectMost)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// connect follows the log over one connection, until that breaks.
func (f *follower) connect(ctx context.Context, yield func(Event) bool) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	// A connection that hears nothing is taken for broken.
	watch := time.AfterFunc(silence, func() { cancel(fmt.Errorf("nothing came for %s", silence)) })
	defer watch.Stop()
	header := http.Header{"Accept": {"text/event-stream"}}
	query := f.query
	if f.last != "" {
		header.Set("Last-Event-ID", f.last)
	}
	answer, err := f.client.send(ctx, request{method: http.MethodGet, path: "/events", query: query, header: header})
	if err != nil {
		return causeOr(ctx, err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(make([]byte, 64<<10), lineLimit)
	var e message
	for lines.Scan() {
		watch.Reset(silence)
		f.wait = reconnectAfter
		if done := e.add(lines.Text()); !done {
			continue
		}
		event, some, err := e.event()
		if err != nil {
			return err
		}
		if some && !yield(event) {
			return errStopped
		}
		if e.id != "" {
			f.last = e.id
		}
		e = message{}
	}
	if err := lines.Err(); err != nil {
		return causeOr(ctx, fmt.Errorf("follow the log: %w", err))
	}
	return errors.New("follow the log: the server ended the connection")
}

// causeOr returns why a context was ended, where it was, and else the error.
func causeOr(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// message is a server-sent event under construction
// (https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.6).
type message struct {
	id, name string
	data     strings.Builder
}

// add adds a line, and reports whether it ends the event.
func (m *message) add(line string) (done bool) {
	if line == "" {
		return true
	}
	field, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch field {
	case "id":
		m.id = value
	case "event":
		m.name = value
	case "data":
		if m.data.Len() > 0 {
			m.data.WriteByte('\n')
		}
		m.data.WriteString(value)
	}
	return false
}

// event returns the event, if there is one: an id may come alone.
func (m *message) event() (e Event, some bool, err error) {
	if m.data.Len() == 0 {
		return e, false, nil
	}
	e.Raw = json.RawMessage(m.data.String())
	if err := json.Unmarshal(e.Raw, &e); err != nil {
		return e, false, fmt.Errorf("follow the log: an event is not in its form: %w", err)
	}
	if m.name == Observation {
		e.Kind = Observation
	}
	return e, true, nil
}
