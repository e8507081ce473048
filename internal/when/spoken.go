package when

import (
	"strconv"
	"strings"
	"time"
)

// Spoken reads a text as [Parse] does, and words that people say: now, today, yesterday, noon,
// midnight, a day of the week (the last one, today not among them), last week, last month,
// and 3 days ago. A week begins on Monday.
func Spoken(text string, now time.Time, zone *time.Location) (Span, error) {
	if s, err := Parse(text, now, zone); err == nil {
		return s, nil
	}
	words := strings.Fields(strings.ToLower(text))
	today := now.In(zone)
	day := func(back int) Span { return Day(today.AddDate(0, 0, -back)) }
	clock := func(hour int) Span {
		t := lastAt(time.Date(0, 1, 1, hour, 0, 0, 0, zone), today)
		return Span{From: t, To: t, Moves: true}
	}
	switch strings.Join(words, " ") {
	case "now":
		return Span{From: now, To: now, Moves: true}, nil
	case "today":
		return day(0), nil
	case "yesterday":
		return day(1), nil
	case "noon":
		return clock(12), nil
	case "midnight":
		return clock(0), nil
	case "last week":
		monday := 7 + (int(today.Weekday())+6)%7
		return Span{From: day(monday).From, To: day(monday - 6).To}, nil
	case "last month":
		y, m, _ := today.Date()
		return Span{
			From: time.Date(y, m-1, 1, 0, 0, 0, 0, zone),
			To:   time.Date(y, m, 1, 0, 0, 0, 0, zone).Add(-time.Microsecond),
		}, nil
	}
	if len(words) > 1 && words[0] == "last" {
		words = words[1:]
	}
	if len(words) == 1 {
		for d := time.Sunday; d <= time.Saturday; d++ {
			if name := strings.ToLower(d.String()); words[0] == name || len(words[0]) >= 3 && strings.HasPrefix(name, words[0]) {
				return day((int(today.Weekday()-d)+6)%7 + 1), nil
			}
		}
	}
	if len(words) == 3 && words[2] == "ago" {
		return ago(words[0], words[1], now, today)
	}
	return Span{}, errSpoken
}

// ago returns the time that many units before now. Months and years are the calendar's.
func ago(number, unit string, now, today time.Time) (Span, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n > 100_000 {
		return Span{}, errSpoken
	}
	t := now
	switch strings.TrimSuffix(unit, "s") {
	case "second":
		t = now.Add(-time.Duration(n) * time.Second)
	case "minute":
		t = now.Add(-time.Duration(n) * time.Minute)
	case "hour":
		t = now.Add(-time.Duration(n) * time.Hour)
	case "day":
		t = today.AddDate(0, 0, -n)
	case "week":
		t = today.AddDate(0, 0, -7*n)
	case "month":
		t = today.AddDate(0, -n, 0)
	case "year":
		t = today.AddDate(-n, 0, 0)
	default:
		return Span{}, errSpoken
	}
	return Span{From: t, To: t, Moves: true}, nil
}
