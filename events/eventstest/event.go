package eventstest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"

	"gatebook/events"
)

// Choose makes a choice: one of the n numbers from 0. The more choices are 0, the
// simpler is what they make.
type Choose func(n int) int

// Random returns choices that are the same for the same seed.
func Random(seed uint64) Choose {
	return rand.New(rand.NewPCG(seed, 0)).IntN
}

// Event makes any event of a kind, in the form that decoding gives: lists
// without elements are nil, texts in lists are not empty. Texts may be long and
// need not be UTF-8; see [events.Clean]. Reasons, types and states exist.
func Event(choose Choose, kind events.Kind) events.Event {
	e := events.New(kind)
	fill(reflect.ValueOf(e).Elem(), "", anything{choose})
	return e
}

// Record makes any record, of any kind. Its Sequence and Recorded, which are the
// log's to give, are zero.
func Record(choose Choose) events.Record {
	kinds := events.Kinds()
	return events.Record{
		Session:  anything{choose}.number("", 64),
		Occurred: events.Time(anything{choose}.number("", 64)),
		Event:    Event(choose, kinds[choose(len(kinds))]),
	}
}

// Full makes the event of a kind that has all fields set, each to another value,
// the same ones every time.
func Full(kind events.Kind) events.Event {
	e := events.New(kind)
	fill(reflect.ValueOf(e).Elem(), "", &everything{})
	return e
}

// values are what fields are filled with.
type values interface {
	text(field string) string
	// number has at most so many bits.
	number(field string, bits int) uint64
	// one is one of n numbers from 0.
	one(n int) int
	moment() events.Time
	// elements is how many a list has.
	elements() int
}

// fill sets v, which is the field of that name, and what is in it.
func fill(v reflect.Value, field string, from values) {
	switch v.Interface().(type) {
	case events.Reason:
		v.SetUint(uint64(from.one(int(events.ReasonError) + 1)))
		return
	case events.SessionType:
		v.SetUint(uint64(from.one(int(events.TypeCancel) + 1)))
		return
	case events.ServerState:
		v.SetUint(uint64(from.one(int(events.ServerDown) + 1)))
		return
	case events.Time:
		v.SetInt(int64(from.moment()))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(from.text(field))
	case reflect.Bool:
		v.SetBool(from.one(2) == 1)
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(from.number(field, v.Type().Bits()))
	case reflect.Int64:
		v.SetInt(int64(from.number(field, 64)))
	case reflect.Slice:
		fillList(v, field, from)
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				fill(v.Field(i), f.Name, from)
			}
		}
	default:
		panic(fmt.Sprintf("eventstest: cannot fill field %s of type %s", field, v.Type()))
	}
}

func fillList(v reflect.Value, field string, from values) {
	for range from.elements() {
		e := reflect.New(v.Type().Elem()).Elem()
		fill(e, field, from)
		if e.Kind() == reflect.String && e.Len() == 0 {
			e.SetString("-")
		}
		v.Set(reflect.Append(v, e))
	}
}

// anything fills fields as it is told to choose.
type anything struct{ choose Choose }

// pieces are what texts are made of.
var pieces = []string{
	"a", "jdoe", "orders", "192.0.2.17", "2001:db8::1", " ", "\x00", "é", "🚪", "\u2028", "\uFFFD",
	"\xff", "\xc3", "\xed\xa0\x80", "'; --", "</script>", "\n",
}

func (a anything) text(string) string {
	var b strings.Builder
	for range a.choose(4) {
		// Now and then a piece is repeated until it is beyond every limit.
		times := 1
		if a.choose(8) == 7 {
			times += a.choose(600)
		}
		b.WriteString(strings.Repeat(pieces[a.choose(len(pieces))], times))
	}
	return b.String()
}

func (a anything) number(_ string, bits int) uint64 {
	// All sizes are as likely, and the ends of each are likelier than the rest.
	size := a.choose(bits + 1)
	if size == 0 {
		return 0
	}
	low, rest := uint64(1)<<(size-1), uint64(1)<<(size-1)-1
	switch a.choose(3) {
	case 0:
		return low
	case 1:
		return low | rest
	}
	return low | (uint64(a.choose(1<<31))<<33^uint64(a.choose(1<<31)))&rest
}

func (a anything) one(n int) int       { return a.choose(n) }
func (a anything) moment() events.Time { return events.Time(a.number("", 64)) }
func (a anything) elements() int       { return a.choose(4) }

// everything fills fields with values that are not zero and tell which field
// they are in.
type everything struct{ n int }

func (e *everything) text(field string) string {
	e.n++
	return fmt.Sprintf("%s %d", strings.ToLower(field), e.n)
}

func (e *everything) number(_ string, bits int) uint64 {
	e.n++
	return uint64(e.n) * 1_000_003 % (1 << min(bits-1, 40))
}

func (e *everything) one(n int) int { return n - 1 }

func (e *everything) moment() events.Time {
	e.n++
	return events.Time(1_795_000_000_000_000 + e.n)
}

func (e *everything) elements() int { return 2 }
