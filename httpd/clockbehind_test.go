package httpd_test

import (
	"strings"
	"testing"
	"time"

	"gatebook/events"
	"gatebook/httpd"
)

// TestReadyWithAClockBehind opens a log whose last record was made by a clock two hours ahead: the server is
// ready, and says how far its clock is behind until that has passed the record.
func TestReadyWithAClockBehind(t *testing.T) {
	t.Parallel()
	c := newClock()
	c.advance(2 * time.Hour)
	disk := diskOf(t, c, events.Record{Session: 1, Event: &events.SessionOpened{Service: "orders", Address: "192.0.2.7"}})
	c.advance(-2 * time.Hour)
	url := "http://" + serve(t, httpd.Config{Registry: openDisk(t, c, disk)}) + "/ready"
	asker := client(t)
	got := ask(t, asker, "GET", url)
	const warning = `{"status":"ready","warning":"The clock stands 2h0m0s before the last record. ` +
		`What is recorded gets the time of that record until the clock has passed it. Set the clock, or find out why it was ahead."}`
	if got.status != 200 || strings.TrimSpace(got.body) != warning {
		t.Errorf("got %d: %s", got.status, got.body)
	}
	if health := ask(t, asker, "GET", strings.TrimSuffix(url, "ready")+"health").body; strings.TrimSpace(health) != `{"status":"ok"}` {
		t.Errorf("health: %s", health)
	}
	c.advance(3 * time.Hour)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if got = ask(t, asker, "GET", url); got.status == 200 && strings.TrimSpace(got.body) == `{"status":"ready"}` {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the clock has passed the record, and /ready says %d: %s", got.status, got.body)
		}
	}
}
