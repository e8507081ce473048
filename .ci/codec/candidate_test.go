package codec

import (
	"testing"

	"gatebook/events"
)

// form is how a candidate holds events: M is what it calls a message. An event is
// a message for its core, and one for its personal part if it has any.
type form[M any] struct {
	// from returns an event in this form; the second message is nil where there is
	// no personal part.
	from func(events.Event) (core, personal M)
	// core returns an empty message for the core of an event of that kind, and
	// personal the one that goes with it.
	core     func(events.Kind) M
	personal func(core M) M
	equal    func(a, b M) bool
}

// codec is a candidate.
type codec[M any] struct {
	form[M]
	name   string
	append func([]byte, M) []byte
	decode func([]byte, M) error
}

// candidate is a codec of any form.
type candidate interface {
	testRoundTrip(*testing.T)
	benchmarkEncode(*testing.B)
	benchmarkDecode(*testing.B)
}

func candidates() []candidate {
	return []candidate{
		product("wire", true), product("wire-unshared", false),
		vtproto(), protobuf(), integerKeys(), messagePack(), standardJSON(),
	}
}

// encode returns the encoded parts of an event, appended to b, and where in b the
// personal part begins.
func (c *codec[M]) encode(b []byte, core, personal M) ([]byte, int) {
	b = c.append(b, core)
	at := len(b)
	if any(personal) != nil {
		b = c.append(b, personal)
	}
	return b, at
}

// read decodes the parts of an event; the second message is nil where there is
// no personal part.
func (c *codec[M]) read(kind events.Kind, core, personal []byte) (first, second M, err error) {
	first = c.core(kind)
	if err = c.decode(core, first); err != nil {
		return first, second, err
	}
	if len(personal) > 0 {
		second = c.personal(first)
		err = c.decode(personal, second)
	}
	return first, second, err
}
