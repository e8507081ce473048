package httpd_test

import (
	"net/http"
	"strings"
	"testing"

	"gatebook/httpd"
)

// Long lists that wait for their clients share the same budget.
func TestListsShareABudget(t *testing.T) {
	t.Parallel()
	registry := openBook(t, newClock())
	manySessions(t, registry, 9000)
	base := serve(t, httpd.Config{Registry: registry, Limits: httpd.Limits{InFlightBytes: 48 << 10}})
	slow := dial(t, base)
	check(t, slow.SetReadBuffer(64<<10))
	slow.send("GET /sessions?fields=* HTTP/1.1", "Host: localhost")
	head, err := slow.in.ReadString('\n')
	check(t, err)
	if !strings.Contains(head, "200") {
		t.Fatal(head)
	}
	if got := ask(t, client(t), "GET", "http://"+base+"/sessions?fields=*"); got.status != http.StatusServiceUnavailable || got.header.Get("Retry-After") != "1" {
		t.Errorf("a second long list: got %d", got.status)
	}
	if got := ask(t, client(t), "GET", "http://"+base+"/sessions?limit=1000"); got.status != http.StatusOK {
		t.Errorf("a page: got %d %s", got.status, got.body)
	}
	slow.Close()
	waitUntil(t, "there is room again", func() bool {
		return ask(t, client(t), "GET", "http://"+base+"/sessions?fields=id").status == http.StatusOK
	})
}
