package httpd_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"gatebook/httpd"
)

func TestRequestsAsTheyCome(t *testing.T) {
	t.Parallel()
	plain := httpd.Config{Registry: openBook(t, newClock()), Hosts: []string{"Book.Example.org"}}
	secure := plain
	secure.Certificate = certificate(t)
	address, secured := serve(t, plain), serve(t, secure)
	long := strings.Repeat("x", 8<<10)
	for _, c := range []struct {
		name   string
		lines  []string
		status int
	}{
		{"an ordinary one", []string{"GET /sessions HTTP/1.1", "Host: localhost"}, 200},
		{"with a port", []string{"GET /sessions HTTP/1.1", "Host: localhost:8989"}, 200},
		{"in capitals, with the root's dot", []string{"GET /sessions HTTP/1.1", "Host: LOCALHOST."}, 200},
		{"for IPv4", []string{"GET /sessions HTTP/1.1", "Host: 127.0.0.1:80"}, 200},
		{"for IPv6", []string{"GET /sessions HTTP/1.1", "Host: [::1]"}, 200},
		{"for IPv6 with a port", []string{"GET /sessions HTTP/1.1", "Host: [::1]:8989"}, 200},
		{"for a configured name", []string{"GET /sessions HTTP/1.1", "Host: book.example.ORG:443"}, 200},
		{"for another name", []string{"GET /sessions HTTP/1.1", "Host: localhost.example.org"}, 403},
		{"for an empty name", []string{"GET /sessions HTTP/1.1", "Host: "}, 403},
		{"without a name", []string{"GET /sessions HTTP/1.1"}, 400},
		{"of HTTP/1.0 without a name", []string{"GET /sessions HTTP/1.0"}, 200},
		{"of HTTP/1.0 for another name", []string{"GET /sessions HTTP/1.0", "Host: evil.example"}, 403},
		{"as to a proxy", []string{"GET http://localhost/sessions HTTP/1.1", "Host: localhost"}, 200},
		{"as to a proxy for another", []string{"GET http://evil.example/sessions HTTP/1.1", "Host: localhost"}, 403},
		{"from a page of this host", []string{"GET /sessions HTTP/1.1", "Host: localhost:8989", "Origin: http://localhost:8989"}, 200},
		{"from a page of another port", []string{"GET /sessions HTTP/1.1", "Host: localhost:8989", "Origin: http://localhost:3000"}, 403},
		{"from a page of this host, its port named", []string{"GET /sessions HTTP/1.1", "Host: localhost:80", "Origin: http://localhost"}, 200},
		{"from a page of this host, TLS before it", []string{"GET /sessions HTTP/1.1", "Host: localhost", "Origin: https://LOCALHOST:443"}, 200},
		{"from a page of the other scheme's port", []string{"GET /sessions HTTP/1.1", "Host: localhost:443", "Origin: http://localhost"}, 403},
		{"from a page of a port that only ends alike", []string{"GET /sessions HTTP/1.1", "Host: localhost:80", "Origin: http://localhost:8080"}, 403},
		{"that ends a tunnel", []string{"CONNECT example.org:443 HTTP/1.1", "Host: localhost"}, 403},
		{"that ends a tunnel here", []string{"CONNECT localhost:443 HTTP/1.1", "Host: localhost"}, 404},
		{"about the server itself", []string{"OPTIONS * HTTP/1.1", "Host: localhost"}, 204},
		{"about the server itself, by another name", []string{"OPTIONS * HTTP/1.1", "Host: evil.example"}, 403},
		{"of the server itself", []string{"GET * HTTP/1.1", "Host: localhost"}, 404},
		{"of 8 KiB", []string{"GET /" + long[:len(long)-len("GET / HTTP/1.1")] + " HTTP/1.1", "Host: localhost"}, 404},
		{"of more", []string{"GET /" + long[:len(long)-len("GET / HTTP/1.1")+1] + " HTTP/1.1", "Host: localhost"}, 414},
		{"of more, in the query", []string{"GET /sessions?fields=" + long + " HTTP/1.1", "Host: localhost"}, 414},
		{"with headers of 20 KiB", []string{"GET /sessions HTTP/1.1", "Host: localhost", "A: " + long, "B: " + long, "C: " + long[:4096]}, 200},
		{"with headers of 40 KiB", []string{"GET /sessions HTTP/1.1", "Host: localhost", "A: " + long, "B: " + long, "C: " + long, "D: " + long, "E: " + long}, 431},
		{"with headers of 60 KiB", []string{"GET /sessions HTTP/1.1", "Host: localhost", "A: " + strings.Repeat(long, 7)}, 431},
		{"of 60 KiB", []string{"GET /sessions?fields=" + strings.Repeat(long, 7) + " HTTP/1.1", "Host: localhost"}, 414},
		{"of nonsense", []string{"nonsense"}, 400},
		{"of another version", []string{"GET /sessions HTTP/3.0", "Host: localhost"}, 505},
		{"with two lengths", []string{"POST /events HTTP/1.1", "Host: localhost", "Content-Length: 1", "Content-Length: 2"}, 400},
		{"with an expectation", []string{"GET /sessions HTTP/1.1", "Host: localhost", "Expect: wonders"}, 417},
		{"with another coding", []string{"POST /events HTTP/1.1", "Host: localhost", "Transfer-Encoding: gzip"}, 501},
	} {
		for kind, connect := range map[string]func(t *testing.T) *raw{
			"plain": func(t *testing.T) *raw { t.Helper(); return dial(t, address) },
			"TLS":   func(t *testing.T) *raw { t.Helper(); return dialTLS(t, secured) },
		} {
			t.Run(c.name+" over "+kind, func(t *testing.T) {
				t.Parallel()
				r := connect(t)
				r.send(c.lines...)
				method, _, _ := strings.Cut(c.lines[0], " ")
				got := r.receive(method)
				if got.status != c.status {
					t.Errorf("got %d: %s", got.status, got.body)
				}
				if c.status >= 400 && (got.header.Get("Content-Type") != "application/json" || got.header.Get("Cache-Control") == "" || !strings.HasPrefix(got.body, `{"error":"`)) {
					t.Errorf("got %v: %s", got.header, got.body)
				}
			})
		}
	}
}

func TestOnlyThisMachineIsServed(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	for _, c := range []struct {
		insecure bool
		remote   string
		header   string
		status   int
	}{
		{false, "127.0.0.1:1234", "", 200},
		{false, "[::1]:1234", "", 200},
		{false, "[::ffff:127.0.0.1]:1234", "", 200},
		{false, "192.0.2.1:1234", "", 403},
		{false, "[2001:db8::1]:1234", "", 403},
		{false, "", "", 403},
		{false, "127.0.0.1:1234", "X-Forwarded-For", 403},
		{false, "127.0.0.1:1234", "X-Forwarded", 403},
		{false, "127.0.0.1:1234", "Via", 403},
		{false, "127.0.0.1:1234", "X-Real-IP", 403},
		{false, "127.0.0.1:1234", "X-Client-IP", 403},
		{false, "127.0.0.1:1234", "X-Cluster-Client-IP", 403},
		{false, "127.0.0.1:1234", "X-Original-Forwarded-For", 403},
		{false, "127.0.0.1:1234", "X-Envoy-External-Address", 403},
		{false, "127.0.0.1:1234", "True-Client-IP", 403},
		{false, "127.0.0.1:1234", "CF-Connecting-IP", 403},
		{false, "127.0.0.1:1234", "Fastly-Client-IP", 403},
		{false, "127.0.0.1:1234", "X-Request-ID", 200},
		{true, "192.0.2.1:1234", "", 200},
		{true, "127.0.0.1:1234", "X-Forwarded-For", 200},
	} {
		server, err := httpd.New(httpd.Config{Registry: registry, Insecure: c.insecure})
		check(t, err)
		checked(t, server)
		r := httptest.NewRequestWithContext(t.Context(), "GET", "http://127.0.0.1/sessions", nil)
		r.RemoteAddr = c.remote
		if c.header != "" {
			r.Header.Set(c.header, "192.0.2.1")
		}
		w := httptest.NewRecorder()
		server.Handler().ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%+v: got %d %s", c, w.Code, w.Body)
		}
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	if _, err := httpd.New(httpd.Config{}); err == nil {
		t.Error("a server without a registry was made")
	}
	if _, err := httpd.New(httpd.Config{Registry: openBook(t, newClock()), RecordAdmin: true}); err == nil {
		t.Error("a server that records without a source was made")
	}
}

func TestServeAfterShutdown(t *testing.T) {
	t.Parallel()
	server, _ := serveThat(t, httpd.Config{Registry: openBook(t, newClock())})
	check(t, server.Shutdown(t.Context()))
	if server.Handler() == http.Handler(nil) {
		t.Error("there is no handler")
	}
}
