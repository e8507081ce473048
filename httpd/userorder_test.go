package httpd_test

import (
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/httpd"
)

// Live sessions come by their users, those of one user by their ids, and those whose user is
// not known at the end; a page begins where the one before ended, whatever ends meanwhile.
func TestOrderByUser(t *testing.T) {
	t.Parallel()
	for sort, want := range map[string]string{
		"user":  ids(5, 1) + ids(2, 7) + ids(4, 3) + ids(6),
		"-user": ids(3, 4) + ids(2, 7) + ids(1, 5) + ids(6),
	} {
		registry := openBook(t, newClock())
		s := startSource(t, registry, "edge-1")
		for _, user := range []string{"application-b", "a~1~2", "山田", "zoe", "application-a", "", "a~1~2"} {
			id := open(t, s, events.SessionOpened{Service: "orders"})
			if user != "" {
				check(t, s.Record(t.Context(), id, &events.SessionReady{User: user}))
			}
		}
		base := "http://" + serve(t, httpd.Config{Registry: registry})
		got := pages(t, base, "/sessions?sort="+sort+"&limit=2&fields=id", func(page int) {
			if page == 1 { // the last one of the first page ends
				id := map[string]uint64{"user": 1, "-user": 4}[sort]
				check(t, s.Record(t.Context(), id, &events.SessionClosed{Reason: events.ReasonClientClosed}))
			}
		})
		if strings.Join(got, "") != want {
			t.Errorf("sort=%s: got %s, want %s", sort, strings.Join(got, ""), want)
		}
		one := ask(t, client(t), "GET", base+"/sessions?sort="+sort+"&range=1-1&fields=id")
		if one.status != 200 || one.header.Get("X-Total-Count") != "6" {
			t.Errorf("a range: %d %s, %v", one.status, one.body, one.header)
		}
		if past := ask(t, client(t), "GET", base+"/sessions?at=3&sort="+sort); past.status != 400 {
			t.Errorf("at a time: %d %s", past.status, past.body)
		}
	}
}
