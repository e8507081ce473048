package main_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatebook"
	"gatebook/cmd/gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/httpd/accounts"
	"gatebook/projection"
)

// clock is a clock that stands still until a test moves it.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	return c.now
}

// book is a server in this process, with sessions of a working day, whose clock stands still.
type book struct {
	t        *testing.T
	clock    *clock
	registry *gatebook.Registry
	gateway  *gatebook.Source
	folder   string // of the data
	address  string
	stop     func()       // stops the server
	notReady atomic.Value // a sentence; nothing while it is ready
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// newBook starts a server with sessions of users of several scripts: 1 was lost with its
// source, 2 to 4 go on, 5 was killed, 6 failed to log in, 7 was idle for too long.
func newBook(t *testing.T) *book {
	t.Helper()
	b := &book{t: t, clock: &clock{now: time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC)}, folder: filepath.Join(t.TempDir(), "data")}
	registry, err := gatebook.Open(t.Context(), b.folder, gatebook.Options{Now: b.clock.Now})
	must(t, err)
	t.Cleanup(func() { must(t, registry.Close()) })
	b.registry = registry
	ctx := t.Context()
	_, err = registry.Report(ctx, gatebook.Report{
		Source: "edge-1", Incarnation: "a", Version: "2.0", Host: "gw-2", Lease: time.Minute,
		Events: []gatebook.Reported{
			{Key: "c-1", Event: &events.SessionOpened{Service: "reports", Address: "2001:db8::7", Port: 40001}},
			{Key: "c-1", Event: &events.SessionReady{User: "nightly", Database: "warehouse"}},
		},
	})
	must(t, err)
	b.clock.advance(10 * time.Second)
	_, err = registry.Report(ctx, gatebook.Report{Source: "edge-1", Incarnation: "b", Version: "2.0", Host: "gw-2", Lease: 24 * time.Hour})
	must(t, err)
	s, err := registry.StartSource(ctx, gatebook.SourceOptions{Name: "gateway", Version: "0.1.0", Host: "gw-1"})
	must(t, err)
	b.gateway = s
	must(t,
		s.DeclareServer(ctx, events.ServerDeclared{Name: "db-1", Address: "10.0.0.1", Port: 3306, Protocol: "mysql"}),
		s.DeclareServer(ctx, events.ServerDeclared{Name: "db-2", Address: "10.0.0.2", Port: 3306, Protocol: "mysql"}),
		s.DeclareServer(ctx, events.ServerDeclared{Name: "db-3", Address: "10.0.0.3", Port: 5432, Protocol: "postgres"}),
		s.DeclareService(ctx, events.ServiceDeclared{Name: "orders", Protocol: "mysql", Router: "leastconn", Listeners: []string{"0.0.0.0:4006"}, Servers: []string{"db-1", "db-2"}}),
		s.DeclareService(ctx, events.ServiceDeclared{Name: "Büro 東京", Protocol: "postgres", Router: "roundrobin", Listeners: []string{"0.0.0.0:5006"}, Servers: []string{"db-3"}}),
		s.ServerChanged(ctx, events.ServerChanged{Name: "db-1", State: events.ServerRunning, Since: events.TimeOf(b.clock.Now())}),
		s.ServerChanged(ctx, events.ServerChanged{Name: "db-2", State: events.ServerDown, Since: events.TimeOf(b.clock.Now()), Cause: "connection refused"}),
	)
	jdoe := b.open("orders", "192.168.0.200", "jdoe", "shop", "checkout", "db-1")
	tokyo := b.open("Büro 東京", "192.168.0.201", "山田太郎", "東京", "psql", "db-3")
	b.open("orders", "192.168.0.202", "שלום", "shop", "a\x1b[2Jb", "db-1")
	killed := b.open("orders", "192.168.0.203", "runaway-batch", "shop", "batch", "db-1")
	b.clock.advance(90 * time.Second)
	ending := b.obey()
	_, err = registry.Kill(ctx, killed, gatebook.Request{By: "ann", Why: "runaway report"})
	must(t, err, <-ending)
	failed, err := s.Open(ctx, events.SessionOpened{Service: "orders", Protocol: "mysql", Address: "203.0.113.9", Port: 51000})
	must(t, err)
	_, err = s.End(ctx, failed, events.SessionClosed{Reason: events.ReasonAuthFailed, User: "root", Description: "Access denied for user 'root'"})
	must(t, err)
	for n := range uint64(6) {
		b.clock.advance(30 * time.Second)
		must(t, s.Record(ctx, jdoe, &events.StatisticsRecorded{Final: events.Final{Connection: 1, Counters: events.Counters{Reads: n * n * 100, Writes: n * 40, BytesRead: n * n * 52_000, BytesWritten: n * 9_000}}}))
	}
	idle := b.open("orders", "192.168.0.204", "sleepy", "shop", "", "db-1")
	b.clock.advance(8 * time.Hour)
	_, err = s.End(ctx, idle, events.SessionClosed{Reason: events.ReasonIdleTimeout, By: "gateway"})
	must(t, err)
	now := b.clock.advance(3*time.Minute + 7*time.Second)
	s.Observe([]gatebook.Sample{
		{Session: jdoe, Counters: events.Counters{Reads: 2612, Writes: 212}, Active: events.TimeOf(now.Add(-2 * time.Second)), Activity: projection.ActivityWaiting, ActivitySince: events.TimeOf(now.Add(-9 * time.Second))},
		{Session: tokyo, Counters: events.Counters{Reads: 3}, Active: events.TimeOf(now.Add(-4 * time.Hour)), Activity: projection.ActivityIdle, ActivitySince: events.TimeOf(now.Add(-4 * time.Hour))},
	})
	b.serve()
	return b
}

// obey ends the next session whose end is requested.
func (b *book) obey() <-chan error {
	ended := make(chan error, 1)
	go func() {
		ids, err := b.gateway.Kills(b.t.Context())
		if err == nil {
			_, err = b.gateway.End(b.t.Context(), ids[0], events.SessionClosed{Reason: events.ReasonKilled})
		}
		ended <- err
	}()
	return ended
}

// leave ends the sessions whose end is requested, up to the last one, and leaves their statements
// to the server.
func (b *book) leave(last uint64) <-chan error {
	ended := make(chan error, 1)
	go func() {
		for {
			ids, err := b.gateway.Kills(b.t.Context())
			for _, id := range ids {
				_, failed := b.gateway.End(b.t.Context(), id, events.SessionClosed{Reason: events.ReasonKilled, Description: gatebook.LeftRunning("db-1", 4711+id)})
				err = errors.Join(err, failed)
			}
			if err != nil || slices.Contains(ids, last) {
				ended <- err
				return
			}
		}
	}()
	return ended
}

// open opens a session that has logged in and reached a server.
func (b *book) open(service, address, user, database, program, server string) uint64 {
	b.t.Helper()
	ctx := b.t.Context()
	id, err := b.gateway.Open(ctx, events.SessionOpened{Service: service, Protocol: "mysql", Listener: "0.0.0.0:4006", Address: address, Port: 51234})
	must(b.t, err)
	b.clock.advance(120 * time.Millisecond)
	must(b.t, b.gateway.Record(ctx, id, &events.ConnectionOpened{Connection: 1, Server: server, ServerID: 4711 + id},
		&events.SessionReady{User: user, Database: database, Program: program}))
	return id
}

// serve starts the API.
func (b *book) serve() {
	b.t.Helper()
	api, err := httpd.New(httpd.Config{
		Registry: b.registry, KillWait: 100 * time.Millisecond, Version: "0.1.0-dev",
		NotReady: func() string { why, _ := b.notReady.Load().(string); return why },
	})
	must(b.t, err)
	l, err := net.Listen("tcp", cmp.Or(b.address, "127.0.0.1:0")) // the same again after stop
	must(b.t, err)
	served := make(chan error, 1)
	go func() { served <- api.Serve(l) }()
	b.stop = sync.OnceFunc(func() {
		ctx, stop := context.WithTimeout(context.Background(), 10*time.Second)
		defer stop()
		must(b.t, api.Shutdown(ctx), <-served)
	})
	b.t.Cleanup(b.stop)
	b.address = l.Addr().String()
}

// berlin is a zone an hour east of UTC.
func berlin() *time.Location { return time.FixedZone("CET", 3600) }

// run runs a command on a terminal of that width, 0 for a pipe, and returns all that it
// prints.
func (b *book) run(width int, color bool, args ...string) string {
	b.t.Helper()
	var out, errs bytes.Buffer
	status := main.RunAt(b.t.Context(), append(args, "--url", "http://"+b.address), &out, &errs, width, color, b.clock.Now(), berlin())
	text := out.String()
	if errs.Len() > 0 {
		text += "stderr: " + errs.String()
	}
	if status != 0 {
		text += fmt.Sprintf("exit status %d\n", status)
	}
	return strings.ReplaceAll(text, b.address, "HOST")
}

// golden compares a text with a golden file. GATEBOOK_UPDATE=1 in the environment writes the
// file.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if os.Getenv("GATEBOOK_UPDATE") != "" {
		must(t, os.MkdirAll("testdata", 0o755), os.WriteFile(path, []byte(got), 0o644))
		return
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if string(want) != got {
		a, b := strings.Split(got, "\n"), strings.Split(string(want), "\n")
		i := 0
		for i < min(len(a), len(b))-1 && a[i] == b[i] {
			i++
		}
		t.Errorf("%s: line %d is\n%s\nand not\n%s\nin\n%s", path, i+1, a[i], b[i], got)
	}
}

// TestCommands compares what the client commands print with golden files: in pipes and in
// terminals of three widths, in all forms.
func TestCommands(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	for name, args := range map[string][]string{
		"list":           {"list"},
		"list-filtered":  {"list", "--user", "jdoe", "--status", "live"},
		"list-at":        {"list", "--at", "03:01:00"},
		"list-window":    {"list", "--since", "2026-11-24", "--until", "today", "--sort=-id", "--limit", "3"},
		"list-none":      {"list", "--user", "nobody"},
		"show":           {"show", "2"},
		"show-killed":    {"show", "5"},
		"show-lost":      {"show", "1"},
		"history":        {"history"},
		"history-lost":   {"history", "--lost"},
		"history-reason": {"history", "--reason", "auth_failed", "--since", "1d"},
		"group":          {"history", "--group", "reason"},
		"group-service":  {"list", "--status", "all", "--group", "service", "--limit", "2"},
		"group-user":     {"list", "--status", "all", "--user", "jdoe", "--group", "user", "-o", "csv"},
		"events":         {"events", "--session", "2", "--session", "5"},
		"services":       {"services"},
		"servers":        {"servers"},
		"sources":        {"sources"},
	} {
		var all strings.Builder
		for _, width := range []int{0, 60, 80, 160} {
			title := fmt.Sprintf("%d columns", width)
			if width == 0 {
				title = "a pipe"
			}
			fmt.Fprintf(&all, "$ gatebook %s    # %s\n%s\n", strings.Join(args, " "), title, b.run(width, false, args...))
		}
		golden(t, name, all.String())
	}
	var forms strings.Builder
	for _, form := range []string{"wide", "json", "ndjson", "csv"} {
		for _, command := range [][]string{{"list", "--limit", "2"}, {"history", "--limit", "2"}, {"history", "--group", "reason"}, {"services"}, {"servers"}, {"sources"}} {
			args := append(command, "-o", form)
			fmt.Fprintf(&forms, "$ gatebook %s\n%s\n", strings.Join(args, " "), b.run(80, false, args...))
		}
	}
	for _, command := range [][]string{{"show", "5", "-o", "json"}, {"events", "--session", "5", "-o", "ndjson"}} {
		fmt.Fprintf(&forms, "$ gatebook %s\n%s\n", strings.Join(command, " "), b.run(80, false, command...))
	}
	golden(t, "forms", forms.String())
	golden(t, "colours", b.run(100, true, "servers")+b.run(100, true, "history"))
}

// TestKillCommands ends sessions: one at once, one later, that withdrawn, all of a service,
// one that does not exist, one that has ended, and one whose source does not answer.
func TestKillCommands(t *testing.T) {
	t.Parallel()
	for name, width := range map[string]int{"kill-60": 60, "kill": 80, "kill-160": 160} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killSessions(t, name, width)
		})
	}
}

func killSessions(t *testing.T, name string, width int) {
	b := newBook(t)
	var all strings.Builder
	kill := func(args ...string) {
		fmt.Fprintf(&all, "$ gatebook kill %s\n%s\n", strings.Join(args, " "), b.run(width, false, append([]string{"kill"}, args...)...))
	}
	ending := b.obey()
	kill("2", "--reason", "runaway report")
	must(t, <-ending)
	kill("2")
	kill("99")
	kill("3", "--ttl", "5m", "--reason", "maintenance")
	kill("3", "--cancel")
	kill("3", "--cancel")
	kill("--service", "orders", "--dry-run")
	kill("--service", "none")
	kill("4") // nobody obeys
	must(t, <-b.leave(4))
	for _, service := range []bool{true, false} {
		id := b.open("orders", "192.168.0.205", "reporter", "shop", "batch", "db-1")
		ending := b.leave(id)
		if service {
			kill("--service", "orders")
		} else {
			kill(fmt.Sprint(id))
		}
		must(t, <-ending)
	}
	kill()
	kill("4", "--service", "orders")
	kill("4", "--dry-run")
	golden(t, name, all.String())
}

// TestErrors compares what is said of servers that do not answer, or otherwise than this
// program expects.
func TestErrors(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	folder := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(folder, name)
		must(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	guarded := guardedBook(t, folder)
	plain := func(status int, body string) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}))
		t.Cleanup(s.Close)
		return s.URL
	}
	secured := httptest.NewTLSServer(http.NotFoundHandler())
	secured.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(secured.Close)
	closed := "http://127.0.0.1:" + unusedPort(t)
	var all strings.Builder
	for _, c := range []struct {
		title string
		args  []string
	}{
		{"no server", []string{"list", "--url", closed}},
		{"no server at the data folder", []string{"list", "--data", folder}},
		{"a login is wanted", []string{"list", "--url", guarded}},
		{"a wrong password", []string{"list", "--url", guarded, "--account", "ann", "--password-file", file("wrong", "not annie's")}},
		{"a wrong token", []string{"list", "--url", guarded, "--token-file", file("token", "gatebook_x")}},
		{"the role is too little", []string{"kill", "--service", "orders", "--url", guarded, "--account", "bob", "--password-file", file("bob", bobsPassword)}},
		{"a certificate of an unknown authority", []string{"list", "--url", secured.URL}},
		{"TLS spoken to a server without", []string{"list", "--url", strings.Replace(plain(200, ""), "http:", "https:", 1)}},
		{"no TLS spoken to a server with it", []string{"list", "--url", strings.Replace(secured.URL, "https:", "http:", 1)}},
		{"an older server", []string{"list", "--url", plain(404, `{"error":"Not found","description":"There is nothing at /sessions."}`)}},
		{"an older server without a parameter", []string{"list", "--activity", "idle", "--url", plain(400, `{"error":"Unknown parameter","description":"The parameter \"activity\" is not known here."}`)}},
		{"no gatebook", []string{"list", "--url", plain(502, "<html>Bad gateway")}},
		{"a server that is starting", []string{"list", "--url", plain(503, `{"error":"Starting","description":"The book is being brought up to date: 250 of 1000 records are read (25 %). Try again in a moment."}`)}},
		{"no session", []string{"show", "99", "--url", "http://" + b.address}},
		{"no address", []string{"list", "--url", "localhost:8989"}},
		{"no time", []string{"list", "--since", "tomorow", "--url", closed}},
		{"a time to come", []string{"list", "--at", "2026-11-25", "--url", "http://" + b.address}},
		{"two ways to log in", []string{"list", "--account", "ann", "--token-file", "x", "--url", closed}},
		{"no file", []string{"list", "--token-file", filepath.Join(folder, "none"), "--url", closed}},
		{"a wrong value", []string{"list", "--status", "dead"}},
		{"a wrong flag", []string{"list", "--usr", "jdoe"}},
	} {
		var out, errs bytes.Buffer
		status := main.RunAt(t.Context(), c.args, &out, &errs, 0, false, b.clock.Now(), berlin())
		if out.Len() > 0 || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: it prints %s and says %s", c.title, &out, &errs)
		}
		said := strings.NewReplacer(folder, "FOLDER").Replace(errs.String())
		said = regexp.MustCompile(`127\.0\.0\.1:\d+`).ReplaceAllString(said, "HOST")
		fmt.Fprintf(&all, "# %s: exit status %d\n%s\n", c.title, status, said)
	}
	golden(t, "errors", all.String())
}

// guardedBook starts a server with accounts, and returns its address.
func guardedBook(t *testing.T, folder string) string {
	t.Helper()
	f := accounts.File{Folder: folder, Cost: 4}
	must(t, f.Add(t.Context(), "ann", accounts.Admin, annsPassword), f.Add(t.Context(), "bob", accounts.Basic, bobsPassword))
	gate, err := accounts.OpenGate(f)
	must(t, err)
	registry, err := gatebook.Open(t.Context(), filepath.Join(t.TempDir(), "data"), gatebook.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, registry.Close()) })
	api, err := httpd.New(httpd.Config{Registry: registry, Accounts: gate})
	must(t, err)
	s := httptest.NewServer(api.Handler())
	t.Cleanup(s.Close)
	return s.URL
}

// TestStatus shows how a server is that is ready, and one that is not.
func TestStatus(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	var all strings.Builder
	for _, width := range []int{0, 60, 80, 160} {
		fmt.Fprintf(&all, "$ gatebook status    # %d columns\n%s\n", width, b.run(width, false, "status"))
	}
	// What differs from one run to the next has the length that it has.
	moving := regexp.MustCompile(`(?m)^(Version|Since|Signed|Log|Archive|Disk) .*$`)
	golden(t, "status", moving.ReplaceAllString(all.String(), "$1 …"))
	got := b.run(80, false, "status")
	want := regexp.MustCompile(`^Server    http://HOST
Ready     yes
Version   0\.1\.0-dev, (revision \w+, )?go1\S+
Since     .* ago\)
Sessions  3 live, 3 closed, 1 lost
Records   40
Services  3
Servers   3, 1 of them down
Signed    the first \d+ records
Log       \S+ .iB
Archive   \S+ .iB
Disk      \S+ .iB free of \S+ .iB \(\d+ %\)
$`)
	if !want.MatchString(got) {
		t.Errorf("it shows\n%s", got)
	}
	b.notReady.Store("The server is stopping.")
	if got := b.run(80, false, "status"); !strings.Contains(got, "\nReady     no: the server is stopping\n") || !strings.Contains(got, "\nSessions  3 live") || !strings.HasSuffix(got, "stderr: gatebook: the server is not ready\nexit status 1\n") {
		t.Errorf("it shows\n%s", got)
	}
}
