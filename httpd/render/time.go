package render

import (
	"strconv"

	"gatebook/events"
)

const (
	second = 1_000_000 // in events.Time
	day    = 24 * 60 * 60 * second

	// fiveDigits is 10000-01-01. Times before it have years of four digits, and are
	// formatted by the code below instead of package time.
	fiveDigits events.Time = 253_402_300_800 * second

	asctime = `"Mon Jan _2 15:04:05 2006"`
	rfc3339 = `"2006-01-02T15:04:05.000000Z"`

	weekdays = "ThuFriSatSunMonTueWed" // from 1970-01-01 on
	months   = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// dateCache remembers the last second that was formatted: the times of a list are mostly of
// few days, and many of the same second.
type dateCache struct {
	day, second events.Time // since 1970-01-01
	text        [len(asctime)]byte
}

// append appends t in the form of C's asctime, in UTC, the day of the month padded with a
// space; null when t is not known.
func (c *dateCache) append(b []byte, t events.Time) []byte {
	switch {
	case t == 0:
		return append(b, "null"...)
	case t < 0 || t >= fiveDigits:
		return t.Time().AppendFormat(b, asctime)
	}
	if c.second != t/second || c.text[0] == 0 {
		c.formatSecond(t)
	}
	return append(b, c.text[:]...)
}

// formatSecond formats the second of t.
func (c *dateCache) formatSecond(t events.Time) {
	if c.day != t/day || c.text[0] == 0 {
		c.formatDay(t / day)
	}
	c.second = t / second
	putClock(c.text[12:], t)
}

// formatDay formats a day since 1970-01-01.
func (c *dateCache) formatDay(to events.Time) {
	year, month, dom := civil(int64(to))
	w, m := to%7*3, (month-1)*3
	c.day = to
	copy(c.text[:], asctime)
	copy(c.text[1:], weekdays[w:w+3])
	copy(c.text[5:], months[m:m+3])
	two(c.text[9:], dom)
	if dom < 10 {
		c.text[9] = ' '
	}
	two(c.text[21:], year/100)
	two(c.text[23:], year%100)
}

// AppendTime appends t in the form of RFC 3339, in UTC, with microseconds; null when t is
// not known.
func AppendTime(b []byte, t events.Time) []byte {
	switch {
	case t == 0:
		return append(b, "null"...)
	case t < 0 || t >= fiveDigits:
		return t.Time().AppendFormat(b, rfc3339)
	}
	year, month, dom := civil(int64(t / day))
	fraction := uint64(t % second)
	b = append(b, rfc3339...)
	text := b[len(b)-len(rfc3339):]
	two(text[1:], year/100)
	two(text[3:], year%100)
	two(text[6:], month)
	two(text[9:], dom)
	putClock(text[12:], t)
	two(text[21:], fraction/10_000)
	two(text[23:], fraction/100%100)
	two(text[25:], fraction%100)
	return b
}

// TimeText returns t in the form of [AppendTime], without quotes.
func TimeText(t events.Time) string {
	b := AppendTime(nil, t)
	return string(b[1 : len(b)-1])
}

// putClock writes the hours, minutes and seconds of t over their layout.
func putClock(text []byte, t events.Time) {
	s := uint64(t % day / second)
	two(text, s/3600)
	two(text[3:], s/60%60)
	two(text[6:], s%60)
}

// two writes n as two digits.
func two(text []byte, n uint64) {
	text[0], text[1] = '0'+byte(n/10), '0'+byte(n%10)
}

// civil returns the date of a day since 1970-01-01. It counts years from March, so that the
// leap day is the last of its year.
func civil(days int64) (year, month, dom uint64) {
	const untilEpoch = 719_468 // from 0000-03-01 to 1970-01-01
	n := uint64(days) + untilEpoch
	era, doe := n/146_097, n%146_097
	yoe := (doe - doe/1460 + doe/36_524 - doe/146_096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	shifted := (5*doy + 2) / 153
	dom = doy - (153*shifted+2)/5 + 1
	year = yoe + era*400
	if shifted < 10 {
		return year, shifted + 3, dom
	}
	return year + 1, shifted - 9, dom
}

// AppendSeconds appends a span of time in seconds, with as many decimals as it has.
func AppendSeconds(b []byte, span events.Time) []byte {
	span = max(span, 0)
	b = strconv.AppendInt(b, int64(span/second), 10)
	fraction := uint64(span % second)
	if fraction == 0 {
		return b
	}
	b = append(b, ".000000"...)
	text := b[len(b)-6:]
	two(text, fraction/10_000)
	two(text[2:], fraction/100%100)
	two(text[4:], fraction%100)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// AppendWholeSeconds appends a span of time in seconds, without its fraction.
func AppendWholeSeconds(b []byte, span events.Time) []byte {
	return strconv.AppendInt(b, int64(max(span, 0)/second), 10)
}
