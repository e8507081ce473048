package render

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"gatebook/events"
)

func FuzzTime(f *testing.F) {
	for _, t := range []time.Time{
		time.Date(2016, 8, 31, 3, 3, 12, 0, time.UTC),
		time.Date(2016, 2, 29, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(1970, 1, 1, 0, 0, 0, 1000, time.UTC),
		time.Date(1999, 12, 31, 0, 0, 0, 0, time.UTC),
		time.Date(2000, 3, 1, 0, 0, 0, 0, time.UTC),
		time.Date(2100, 3, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC),
	} {
		f.Add(t.UnixMicro())
	}
	f.Add(int64(math.MaxInt64))
	f.Add(int64(math.MinInt64))
	f.Fuzz(func(t *testing.T, micro int64) {
		if micro == 0 {
			return
		}
		at := events.Time(micro)
		if got, want := string(new(dateCache).append(nil, at)), at.Time().Format(asctime); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got, want := string(AppendTime(nil, at)), at.Time().Format(rfc3339); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestTimesOfEveryDay(t *testing.T) {
	t.Parallel()
	var c dateCache
	for at := time.Date(1970, 1, 1, 12, 34, 56, 0, time.UTC); at.Year() < 2500; at = at.AddDate(0, 0, 1) {
		if got, want := string(c.append(nil, events.TimeOf(at))), at.Format(asctime); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestUnknownTimeIsNull(t *testing.T) {
	t.Parallel()
	if got := string(AppendTime(new(dateCache).append(nil, 0), 0)); got != "nullnull" {
		t.Errorf("got %s", got)
	}
}

func TestSeconds(t *testing.T) {
	t.Parallel()
	for span, want := range map[events.Time]string{
		0: "0", -5: "0", 1: "0.000001", 250_000: "0.25", 1_000_000: "1", 10_000_000: "10",
		90_100_000: "90.1", 1_000_010: "1.00001", math.MaxInt64: "9223372036854.775807",
	} {
		got := string(AppendSeconds(nil, span))
		if got != want {
			t.Errorf("%d: got %s, want %s", span, got, want)
		}
		if !json.Valid([]byte(got)) {
			t.Errorf("%s is no number", got)
		}
	}
}
