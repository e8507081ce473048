package httpd

import (
	"strconv"

	"gatebook/events"
)

const (
	second = 1_000_000 // in events.Time
	day    = 24 * 60 * 60 * second

	// ordinary is 10000-01-01: before it all years have four digits, and the
	// formats below are written by hand.
	ordinary events.Time = 253_402_300_800 * second

	asctime = `"Mon Jan _2 15:04:05 2006"`
	rfc3339 = `"2006-01-02T15:04:05.000000Z"`

	weekdays = "ThuFriSatSunMonTueWed" // from 1970-01-01 on
	months   = "JanFebMarAprMayJunJulAugSepOctNovDec"
)

// appendAsctime appends t in the form of C's asctime, in UTC, the day of the month
// padded with a space; null when it is not known.
func appendAsctime(b []byte, t events.Time) []byte {
	switch {
	case t == 0:
		return append(b, "null"...)
	case t < 0 || t >= ordinary:
		return t.Time().AppendFormat(b, asctime)
	}
	days := int64(t / day)
	year, month, dom := civil(days)
	w, m := days%7*3, (month-1)*3
	b = append(b, '"', weekdays[w], weekdays[w+1], weekdays[w+2], ' ', months[m], months[m+1], months[m+2], ' ')
	if dom < 10 {
		b = append(b, ' ', '0'+byte(dom), ' ')
	} else {
		b = append(appendTwo(b, dom), ' ')
	}
	b = append(appendClock(b, t), ' ')
	b = appendTwo(appendTwo(b, year/100), year%100)
	return append(b, '"')
}

// appendTime appends t in the form of RFC 3339, in UTC, with microseconds; null
// when it is not known.
func appendTime(b []byte, t events.Time) []byte {
	switch {
	case t == 0:
		return append(b, "null"...)
	case t < 0 || t >= ordinary:
		return t.Time().AppendFormat(b, rfc3339)
	}
	year, month, dom := civil(int64(t / day))
	b = append(b, '"')
	b = append(appendTwo(appendTwo(b, year/100), year%100), '-')
	b = append(appendTwo(b, month), '-')
	b = append(appendTwo(b, dom), 'T')
	b = append(appendClock(b, t), '.')
	fraction := uint64(t % second)
	b = appendTwo(b, fraction/10_000)
	b = appendTwo(b, fraction/100%100)
	b = appendTwo(b, fraction%100)
	return append(b, 'Z', '"')
}

// appendClock appends hours, minutes and seconds.
func appendClock(b []byte, t events.Time) []byte {
	s := uint64(t % day / second)
	b = append(appendTwo(b, s/3600), ':')
	b = append(appendTwo(b, s/60%60), ':')
	return appendTwo(b, s%60)
}

func appendTwo(b []byte, n uint64) []byte {
	return append(b, '0'+byte(n/10), '0'+byte(n%10))
}

// civil is the date of a day since 1970-01-01, not before it. Years are counted
// from March, so that the leap day is the last of its year.
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

// appendSeconds appends a span of time in seconds, with as many decimals as it
// has.
func appendSeconds(b []byte, span events.Time) []byte {
	span = max(span, 0)
	b = strconv.AppendInt(b, int64(span/second), 10)
	fraction := uint64(span % second)
	if fraction == 0 {
		return b
	}
	b = append(b, '.')
	b = appendTwo(b, fraction/10_000)
	b = appendTwo(b, fraction/100%100)
	b = appendTwo(b, fraction%100)
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}
