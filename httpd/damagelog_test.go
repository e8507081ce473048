package httpd_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"

	"gatebook/httpd"
	"gatebook/httpd/telemetry"
)

// logText is the text of a log. It is safe for concurrent use.
type logText struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logText) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

// count returns how many lines have a text.
func (l *logText) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// TestDamageIsLoggedOnce has many requests meet one damaged record: the first has a line in the log. So has the
// first that meets another record.
func TestDamageIsLoggedOnce(t *testing.T) {
	t.Parallel()
	d, text := newDamagedLog(t), new(logText)
	base := "http://" + serve(t, httpd.Config{Registry: d.registry, Metrics: telemetry.NewMetrics(), Logger: zerolog.New(text)})
	damage := func(path, mended string) {
		t.Helper()
		change(t, path, mended, strings.Replace(mended, "203", "303", 1))
		for range 5 {
			ask(t, d.asker, "GET", fmt.Sprintf("%s/log/records/%d", base, d.sequence))
			ask(t, d.asker, "GET", fmt.Sprintf("%s/sessions/%d/events", base, damagedSession))
		}
	}
	first := d.segments[0]
	damage(first, damagedListener)
	if n := text.count(`"message":"request failed"`); n != 1 || text.count(fmt.Sprintf("%s is damaged at record %d", filepath.Base(first), d.sequence)) != 1 {
		t.Errorf("10 requests have met a damaged record, and %d are logged:\n%s", n, &text.b)
	}
	last := d.segments[len(d.segments)-1]
	change(t, last, newestListener, strings.Replace(newestListener, "203", "303", 1))
	for range 5 {
		ask(t, d.asker, "GET", fmt.Sprintf("%s/sessions/%d/events", base, madeSessions))
	}
	if n := text.count(`"message":"request failed"`); n != 2 || text.count(filepath.Base(last)+" is damaged at record") != 1 {
		t.Errorf("two places are damaged, and %d requests are logged:\n%s", n, &text.b)
	}
}
