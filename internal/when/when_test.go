package when_test

import (
	"testing"
	"time"

	"gatebook/internal/when"
)

// now is a Tuesday, at 03:30 in Berlin, in the night after summer time has ended.
var now = time.Date(2026, 10, 25, 2, 30, 0, 0, time.UTC)

func TestParse(t *testing.T) {
	t.Parallel()
	const none = ""
	for _, c := range []struct {
		text, zone, from, to string
		moves                bool
	}{
		{"2026-11-23T07:00:00Z", "UTC", "2026-11-23T07:00:00Z", "", false},
		{"2026-11-23T07:00:00.25+02:00", "UTC", "2026-11-23T05:00:00.25Z", "", false},
		{"2026-10-24", "UTC", "2026-10-24T00:00:00Z", "2026-10-24T23:59:59.999999Z", false},
		{"2026-10-24", "Europe/Berlin", "2026-10-23T22:00:00Z", "2026-10-24T21:59:59.999999Z", false},
		{"2026-10-25", "Europe/Berlin", "2026-10-24T22:00:00Z", "2026-10-25T22:59:59.999999Z", false}, // 25 hours
		{"2026-10-24T07:00", "+02:00", "2026-10-24T05:00:00Z", "", false},
		{"2026-10-24 07:00:30", "Z", "2026-10-24T07:00:30Z", "", false},
		{"02:12", "UTC", "2026-10-25T02:12:00Z", "", true},
		{"02:30", "UTC", "2026-10-25T02:30:00Z", "", true},
		{"02:31", "UTC", "2026-10-24T02:31:00Z", "", true},
		{"23:00:15", "UTC", "2026-10-24T23:00:15Z", "", true},
		{"03:12", "Europe/Berlin", "2026-10-25T02:12:00Z", "", true},
		{"5m", "UTC", "2026-10-25T02:25:00Z", "", true},
		{"1d12h", "UTC", "2026-10-23T14:30:00Z", "", true},
		{"0s", "UTC", "2026-10-25T02:30:00Z", "", true},
		{"-5m", "UTC", none, none, false},
		{"", "UTC", none, none, false},
		{"57", "UTC", none, none, false},
		{"2026-02-30", "UTC", none, none, false},
		{"25:00", "UTC", none, none, false},
		{"tuesday", "UTC", none, none, false},
	} {
		zone, err := when.Zone(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, err := when.Parse(c.text, now, zone)
		if c.from == none {
			if err == nil {
				t.Errorf("%q: got %+v", c.text, got)
			}
			continue
		}
		if c.to == "" {
			c.to = c.from
		}
		text := func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
		if err != nil || text(got.From) != c.from || text(got.To) != c.to || got.Moves != c.moves {
			t.Errorf("%q in %s: got %s to %s, moves: %v, %v", c.text, c.zone, text(got.From), text(got.To), got.Moves, err)
		}
	}
}

func TestZone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "Local", "Mars/Olympus", "../../etc/passwd", "+2", "/etc/localtime"} {
		if zone, err := when.Zone(name); err == nil {
			t.Errorf("%q is %s", name, zone)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"2026-11-23T07:00:00Z", "2026-11-23", "03:12", "1d12h", "2026-11-23 07:00"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if s, err := when.Parse(text, now, time.UTC); err == nil && s.To.Before(s.From) {
			t.Errorf("%q: %s to %s", text, s.From, s.To)
		}
	})
}
