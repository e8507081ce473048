package httpd_test

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"gatebook/httpd"
	"gatebook/httpd/params"
)

// accessed returns the lines of an access log as soon as there are that many, without the
// parts that differ from run to run.
func accessed(t *testing.T, log *written, want int) []string {
	t.Helper()
	varying := regexp.MustCompile(`"seconds":[0-9.e-]+|127\.0\.0\.1:\d+`)
	begun := time.Now()
	for tick := time.NewTicker(time.Millisecond); ; <-tick.C {
		text := log.String()
		if strings.Count(text, "\n") >= want {
			return strings.Split(strings.TrimSuffix(varying.ReplaceAllString(text, "-"), "\n"), "\n")
		}
		if time.Since(begun) > 20*time.Second {
			t.Fatalf("there are no %d lines:\n%s", want, text)
		}
	}
}

// TestAccessLog compares the whole line of each kind of request; # is the length of the body.
// The level of the log does not matter.
func TestAccessLog(t *testing.T) {
	t.Parallel()
	p := newTestAccounts(t)
	long := strings.Repeat("p", 300)
	for _, c := range []struct {
		name    string
		lines   []string
		want    string
		account bool
	}{
		{
			"a list",
			[]string{"GET /sessions?user=mallory&status=closed&limit=5 HTTP/1.1", "Host: localhost", "User-Agent: curl/8.0"},
			`{"method":"GET","route":"/sessions","path":"/sessions","parameters":["limit","status","user"],"status":200,"bytes":#,-,` +
				`"actor":"anonymous@127.0.0.1","remote":"-","agent":"curl/8.0","session":5,"message":"request"}`, false,
		},
		{
			"a parameter that is not known, a header that is not for logs",
			[]string{"GET /sessions?password=hunter2 HTTP/1.1", "Host: localhost", "Authorization: Bearer hunter2", "Cookie: hunter2", "Referer: http://localhost/hunter2"},
			`{"method":"GET","route":"/sessions","path":"/sessions","parameters":[],"status":400,"bytes":#,-,` +
				`"actor":"anonymous@127.0.0.1","remote":"-","agent":"","session":5,"message":"request"}`, false,
		},
		{
			"a kill, by an account, with another method",
			[]string{"POST /sessions/4?reason=secret HTTP/1.1", "Host: localhost", "X-HTTP-Method-Override: DELETE", basic("ann", annsPassword), "Content-Length: 0"},
			`{"method":"DELETE","route":"/sessions/:id","path":"/sessions/4","parameters":["reason"],"status":409,"bytes":#,-,` +
				`"actor":"ann","remote":"-","agent":"","session":5,"message":"request"}`, true,
		},
		{
			"no account",
			[]string{"GET /sessions HTTP/1.1", "Host: localhost", basic("ann", "a wrong password")},
			`{"method":"GET","route":"/sessions","path":"/sessions","parameters":[],"status":401,"bytes":#,-,` +
				`"actor":"anonymous@127.0.0.1","remote":"-","agent":"","message":"request"}`, true,
		},
		{
			"no route, and what is too long",
			[]string{"GET /%0A" + long + " HTTP/1.1", "Host: localhost", "User-Agent: " + strings.Repeat("u", 127) + "\u00fc\u00fc"},
			`{"method":"GET","route":"","path":"/%0A` + long[:252] + `…","parameters":[],"status":404,"bytes":#,-,` +
				`"actor":"anonymous@127.0.0.1","remote":"-","agent":"` + strings.Repeat("u", 127) + `�…","session":5,"message":"request"}`, false,
		},
		{
			"an agent that would steer a terminal, and a path",
			[]string{"GET /%C2%9B31m HTTP/1.1", "Host: localhost", "User-Agent: \u009b31mred\u202etxt\u2028\u200b\u00a0\u00fc"},
			`{"method":"GET","route":"","path":"/%C2%9B31m","parameters":[],"status":404,"bytes":#,-,` +
				`"actor":"anonymous@127.0.0.1","remote":"-","agent":"�31mred�txt���ü","session":5,"message":"request"}`, false,
		},
		{
			"a method that there is not",
			[]string{"BREWSOMECOFFEEFORME /sessions HTTP/1.1", "Host: localhost"},
			`{"method":"BREWSOMECOFFEEFO…","route":"","path":"/sessions","parameters":[],"status":405,"bytes":#,-,` +
				`"actor":"anonymous@127.0.0.1","remote":"-","agent":"","session":5,"message":"request"}`, false,
		},
		{
			"a request line that is too long",
			[]string{"GET /sessions?user=" + strings.Repeat("x", 9000) + " HTTP/1.1", "Host: localhost"},
			`{"method":"GET","route":"/sessions","path":"/sessions","parameters":["user"],"status":414,"bytes":#,-,` +
				`"actor":"anonymous@127.0.0.1","remote":"-","agent":"","session":5,"message":"request"}`, false,
		},
		{
			"a report of a type that is not taken",
			[]string{"POST /events HTTP/1.1", "Host: localhost", "Content-Length: 2", "", "{}"},
			`{"method":"POST","route":"/events","path":"/events","parameters":[],"status":415,"bytes":#,-,` +
				`"actor":"anonymous@127.0.0.1","remote":"-","agent":"","session":5,"message":"request"}`, false,
		},
		{
			"the server itself",
			[]string{"OPTIONS * HTTP/1.1", "Host: localhost"},
			`{"method":"OPTIONS","route":"","path":"*","parameters":[],"status":204,"bytes":#,-,` +
				`"actor":"anonymous@127.0.0.1","remote":"-","agent":"","session":5,"message":"request"}`, false,
		},
		{
			"headers that are too long",
			[]string{"GET /sessions HTTP/1.1", "Host: localhost", "A: " + strings.Repeat("x", 40_000)},
			`{"method":"GET","route":"/sessions","path":"/sessions","parameters":[],"status":431,"bytes":#,-,` +
				`"actor":"anonymous@127.0.0.1","remote":"-","agent":"","session":5,"message":"request"}`, false,
		},
		{
			"headers that are far too long",
			[]string{"GET /sessions HTTP/1.1", "Host: localhost", "A: " + strings.Repeat("x", 60_000)},
			`{"remote":"-","status":431,"message":"request not read"}`, false,
		},
		{"no HTTP at all", []string{"hunter2"}, `{"remote":"-","status":400,"message":"request not read"}`, false},
		{"an expectation", []string{"GET / HTTP/1.1", "Host: localhost", "Expect: wonders"}, `{"remote":"-","status":417,"message":"request not read"}`, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var log written
			registry := fillBook(t, newClock())
			config := httpd.Config{
				Registry: registry, Source: startSource(t, registry, "gatebook"), RecordAdmin: true,
				AccessLog: true, Logger: zerolog.New(&log).Level(zerolog.ErrorLevel),
			}
			if c.account {
				config.Accounts = p.gate
			}
			r := dial(t, serve(t, config))
			r.send(c.lines...)
			method, _, _ := strings.Cut(c.lines[0], " ")
			body := r.receive(method).body
			r.Close()
			want := strings.Replace(c.want, "#", strconv.Itoa(len(body)), 1)
			if got := accessed(t, &log, 1); !slices.Equal(got, []string{want}) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
			}
		})
	}
}

// TestAccessLogOfStreams checks that a stream has its line when it ends, with a mark when it
// is cut off.
func TestAccessLogOfStreams(t *testing.T) {
	t.Parallel()
	var log written
	server, address := serveThat(t, httpd.Config{Registry: openBook(t, newClock()), AccessLog: true, Logger: zerolog.New(&log)})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+"/events?follow=true", nil)
	check(t, err)
	w, err := client(t).Do(r)
	check(t, err)
	if log.String() != "" {
		t.Errorf("logged before its end: %s", log.String())
	}
	check(t, server.Shutdown(t.Context()))
	sent, err := io.ReadAll(w.Body)
	check(t, err)
	check(t, w.Body.Close())
	got := accessed(t, &log, 1)
	if len(got) != 1 || !strings.Contains(got[0], `"parameters":["follow"],"status":200,"bytes":`) || strings.Contains(got[0], `"bytes":0`) || len(sent) == 0 {
		t.Errorf("got %s", got)
	}
}

// TestAccessLogOfTheTurnedAway checks that a client for which there is no room has a line,
// and that there are no lines when the log is off.
func TestAccessLogOfTheTurnedAway(t *testing.T) {
	t.Parallel()
	for _, on := range []bool{true, false} {
		var log written
		address := serve(t, httpd.Config{
			Registry: openBook(t, newClock()), AccessLog: on, Logger: zerolog.New(&log), Limits: httpd.Limits{Connections: 1},
		})
		first, second := dial(t, address), dial(t, address)
		first.ask("GET", "/health")
		second.receive("GET")
		if !on {
			if log.String() != "" {
				t.Errorf("logged although it is off: %s", log.String())
			}
			continue
		}
		got := accessed(t, &log, 2)
		if !slices.Contains(got, `{"remote":"-","status":503,"message":"connection turned away"}`) {
			t.Errorf("got %s", got)
		}
	}
}

// TestAccessLogKnowsParameters checks that the access log knows every parameter of the
// contract.
func TestAccessLogKnowsParameters(t *testing.T) {
	t.Parallel()
	known, found := params.Names(), 0
	for _, p := range theContract(t).model.Components.Parameters.FromOldest() {
		if p.In != "query" {
			continue
		}
		if found++; !slices.Contains(known, p.Name) {
			t.Errorf("%s is not known", p.Name)
		}
	}
	if found < 20 {
		t.Errorf("%d parameters in the contract", found)
	}
}
