package httpd_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/httpd"
	"gatebook/httpd/accounts"
)

// change changes accounts, and has the server look at them.
func (p testAccounts) change(t *testing.T, server *httpd.Server, change func(accounts.File) error) {
	t.Helper()
	check(t, change(p.file))
	changed, err := p.gate.Reload()
	check(t, err)
	if !changed {
		t.Error("the change is not seen")
	}
	server.AccountsChanged()
}

func remove(name string) func(t *testing.T) func(accounts.File) error {
	return func(t *testing.T) func(accounts.File) error {
		return func(f accounts.File) error { return f.Remove(t.Context(), name, true) }
	}
}

// TestFollowersAreCutOff follows the log with an account that then changes, and with another
// one, which is not cut off.
func TestFollowersAreCutOff(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		role string
		what func(t *testing.T) func(accounts.File) error
	}{
		{"it is removed", "basic", remove("bob")},
		{"its password is another", "basic", func(t *testing.T) func(accounts.File) error {
			return func(f accounts.File) error { return f.SetPassword(t.Context(), "bob", annsPassword, true) }
		}},
		{"its token is taken back", "source", func(t *testing.T) func(accounts.File) error {
			return func(f accounts.File) error { return f.RevokeTokens(t.Context(), "edge-1") }
		}},
		{"its role is another", "admin", func(t *testing.T) func(accounts.File) error {
			return func(f accounts.File) error {
				if err := f.Remove(t.Context(), "ann", true); err != nil {
					return err
				}
				return f.Add(t.Context(), "ann", accounts.Source, annsPassword)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newTestAccounts(t)
			d := newHarness(t, func(config *httpd.Config) { config.Accounts = p.gate })
			feed := "http://" + d.address + "/events?follow=true&kind=recording_gap"
			gone, _ := listen(t, feed, p.headers()[c.role]...)
			next(t, gone)
			other := "admin"
			if c.role == "admin" {
				other = "basic"
			}
			stays, leave := listen(t, feed, p.headers()[other]...)
			next(t, stays)
			p.change(t, d.server, c.what(t))
			for e := range gone {
				t.Errorf("after it: %+v", e)
			}
			s := d.endsWith(1, events.ReasonAuthFailed)
			if got := s.Ending().Description; got != "its account may do this no more" {
				t.Errorf("the record says %q", got)
			}
			select {
			case e, ok := <-stays:
				t.Errorf("the follower that stays got %+v, %v", e, ok)
			default:
			}
			leave()
			d.endsWith(2, events.ReasonClientClosed)
		})
	}
}

// A new token of an account, and changes of others, do not cut it off.
func TestFollowersStay(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	d := newHarness(t, func(config *httpd.Config) { config.Accounts = p.gate })
	all, leave := listen(t, "http://"+d.address+"/events?follow=true&kind=session_opened&source=gatebook", p.headers()["basic"]...)
	next(t, all)
	p.change(t, d.server, func(f accounts.File) error {
		_, _, err := f.AddToken(t.Context(), "bob", accounts.NewToken{Name: "another"})
		return err
	})
	p.change(t, d.server, remove("edge-1")(t))
	d.dial().send("GET /sessions HTTP/1.1", "Host: localhost", basic("ann", annsPassword))
	if e := next(t, all); e.data == "" {
		t.Errorf("got %+v", e)
	}
	leave()
	d.endsWith(1, events.ReasonClientClosed)
}

// The first account cuts off the clients that were let in without one.
func TestFirstAccountCutsOff(t *testing.T) {
	t.Parallel()
	file := accounts.File{Folder: t.TempDir(), Cost: 4}
	gate, err := accounts.OpenGate(file)
	check(t, err)
	d := newHarness(t, func(config *httpd.Config) { config.Accounts = gate })
	all, _ := listen(t, "http://"+d.address+"/events?follow=true&kind=recording_gap")
	next(t, all)
	testAccounts{gate: gate, file: file}.change(t, d.server, func(f accounts.File) error {
		return f.Add(t.Context(), "ann", accounts.Admin, annsPassword)
	})
	for e := range all {
		t.Errorf("after it: %+v", e)
	}
	d.endsWith(1, events.ReasonAuthFailed)
}

// A list is cut off of which a part is sent and whose client does not read on.
func TestListIsCutOff(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	d := newHarness(t, func(config *httpd.Config) { config.Accounts = p.gate })
	// More bytes than a socket's buffers hold.
	var report strings.Builder
	report.WriteString(`{"source":"edge-1","incarnation":"1","events":[`)
	const sessions = 6000
	for i := range sessions {
		if i > 0 {
			report.WriteByte(',')
		}
		fmt.Fprintf(&report, `{"kind":"session_opened","key":"%0250d","service":"%0250d","address":"192.0.2.1"}`, i, i%50)
	}
	report.WriteString("]}")
	r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+d.address+"/events", strings.NewReader(report.String()))
	check(t, err)
	r.Header.Set("Content-Type", "application/json")
	r.SetBasicAuth("ann", annsPassword)
	r.Close = true
	reported, err := client(t).Do(r)
	check(t, err)
	check(t, reported.Body.Close())
	if reported.StatusCode != http.StatusOK {
		t.Fatal(reported.Status)
	}
	d.end(1)
	c := d.dial()
	check(t, c.SetReadBuffer(4096))
	c.send("GET /events HTTP/1.1", "Host: localhost", basic("bob", bobsPassword))
	answer, err := http.ReadResponse(bufio.NewReaderSize(c, 64), &http.Request{Method: "GET"})
	check(t, err)
	defer answer.Body.Close()
	p.change(t, d.server, remove("bob")(t))
	if n, err := io.Copy(io.Discard, answer.Body); err == nil {
		t.Errorf("the answer came to its end, of %d bytes", n)
	}
	d.endsWith(sessions+2, events.ReasonAuthFailed)
}

// A connection whose requests change their account belongs to the last one. Each change is
// one record, and a request of the same account is none.
func TestAccountsTakeTurns(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	d := newHarness(t, func(config *httpd.Config) { config.Accounts = p.gate })
	c := d.dial()
	request := func(header string, status int) {
		t.Helper()
		c.send("GET /services HTTP/1.1", "Host: localhost", header)
		if got := c.receive("GET"); got.status != status {
			t.Fatalf("got %d %s", got.status, got.body)
		}
	}
	request(basic("ann", annsPassword), 200)
	before := d.registry.Moment().Sequence
	const turns = 10
	for range turns {
		for _, header := range []string{basic("bob", bobsPassword), basic("ann", annsPassword)} {
			request(header, 200)
			request(header, 200)
		}
	}
	request(basic("unknown", annsPassword), 401)
	request(basic("ann", annsPassword), 200)
	// A failed login is recorded once a minute, as a session of two records.
	if got, want := d.registry.Moment().Sequence-before, uint64(2*turns+2); got != want {
		t.Errorf("%d records, want %d", got, want)
	}
	v, _, err := d.registry.Session(1)
	check(t, err)
	if got := v.Login().User; got != "ann" {
		t.Errorf("the session is of %q", got)
	}
}
