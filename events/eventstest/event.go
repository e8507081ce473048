package eventstest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"

	"gatebook/events"
)

// Choose returns one of the n numbers from 0. Lower numbers choose simpler values.
type Choose func(n int) int

// Random returns choices that are the same for the same seed.
func Random(seed uint64) Choose {
	return rand.New(rand.NewPCG(seed, 0)).IntN
}

// Event returns any event of a kind, as decoding returns it: lists without elements are
// nil, texts in lists are not empty. Texts can be long and need not be UTF-8; see
// [events.Clean]. Reasons, types and states exist.
func Event(choose Choose, kind events.Kind) events.Event {
	e := events.New(kind)
	fill(reflect.ValueOf(e).Elem(), "", anything{choose})
	return e
}

// Record returns any record, of any kind. Its Sequence and Recorded, which the log
// sets, are zero.
func Record(choose Choose) events.Record {
	kinds := events.Kinds()
	return events.Record{
		Session:  anything{choose}.number("", 64),
		Occurred: events.Time(anything{choose}.number("", 64)),
		Event:    Event(choose, kinds[choose(len(kinds))]),
	}
}

// Full returns the event of a kind with all fields set, each to another value, and to
// the same ones every time.
func Full(kind events.Kind) events.Event {
	e := events.New(kind)
	fill(reflect.ValueOf(e).Elem(), "", &everything{})
	return e
}

// values are the values that fields are set to.
type values interface {
	text(field string) string
	// number returns a number of at most that many bits.
	number(field string, bits int) uint64
	// one returns one of n numbers from 0.
	one(n int) int
	moment() events.Time
	// elements returns the length of a list.
	elements() int
}

// fill sets v, the field of that name, and everything in it.
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

// anything sets fields to values that it chooses.
type anything struct{ choose Choose }

// pieces are the parts of texts.
var pieces = []string{
	"a", "jdoe", "orders", "192.0.2.17", "2001:db8::1", " ", "\x00", "é", "🚪", "\u2028", "\uFFFD",
	"\xff", "\xc3", "\xed\xa0\x80", "'; --", "</script>", "\n",
}

func (a anything) text(string) string {
	var b strings.Builder
	for range a.choose(4) {
		// Now and then a piece is repeated beyond every limit.
		times := 1
		if a.choose(8) == 7 {
			times += a.choose(600)
		}
		b.WriteString(strings.Repeat(pieces[a.choose(len(pieces))], times))
	}
	return b.String()
}

func (a anything) number(_ string, bits int) uint64 {
	// All sizes are equally likely, and the ends of each are likelier than the rest.
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

// everything sets fields to values that are not zero and differ between fields.
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
