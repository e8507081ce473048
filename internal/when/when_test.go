package when_test

import (
	"testing"
	"time"

	"gatebook/internal/when"
)

// now is a Sunday, at 03:30 in Berlin, in the night after summer time has ended.
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

// TestSpoken reads words on a Sunday in October, at 03:30 in Berlin.
func TestSpoken(t *testing.T) {
	t.Parallel()
	zone, err := when.Zone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"now": "10-25 03:30 10-25 03:30", "today": "10-25 00:00 10-25 23:59", "yesterday": "10-24 00:00 10-24 23:59",
		"noon": "10-24 12:00 10-24 12:00", "midnight": "10-25 00:00 10-25 00:00",
		"tuesday": "10-20 00:00 10-20 23:59", "last Tuesday": "10-20 00:00 10-20 23:59", "sun": "10-18 00:00 10-18 23:59", "sat": "10-24 00:00 10-24 23:59",
		"last week": "10-12 00:00 10-18 23:59", "last month": "09-01 00:00 09-30 23:59",
		"3 days ago": "10-22 03:30 10-22 03:30", "1 hour ago": "10-25 02:30 10-25 02:30", "2 months ago": "08-25 03:30 08-25 03:30",
		"24h": "10-24 04:30 10-24 04:30", "2026-10-20": "10-20 00:00 10-20 23:59", "03:12": "10-25 03:12 10-25 03:12",
	} {
		const form = "01-02 15:04"
		got, err := when.Spoken(text, now, zone)
		if shown := got.From.In(zone).Format(form) + " " + got.To.In(zone).Format(form); err != nil || shown != want {
			t.Errorf("%q: got %s, %v, want %s", text, shown, err, want)
		}
	}
	for _, text := range []string{"", "tomorrow", "last", "last friday week", "s", "x days ago", "3 fortnights ago", "-1 days ago"} {
		if got, err := when.Spoken(text, now, zone); err == nil {
			t.Errorf("%q: got %+v", text, got)
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
