package codec

import (
	"reflect"

	"gatebook/events"
	"gatebook/events/wire"
)

// product is the codec in use, through the exported parts of package wire. The
// descriptions of the events, which events keeps to itself, stand here again;
// TestProductIsTheProduct compares the bytes.
func product(name string, shared bool) candidate {
	var strings *wire.Strings
	if shared {
		strings = new(wire.Strings)
	}
	return &codec[wire.Message]{
		form:   form[wire.Message]{from: fromProduct, core: productCore, personal: productPersonal, equal: func(a, b wire.Message) bool { return reflect.DeepEqual(a, b) }},
		name:   name,
		append: wire.Append,
		decode: func(b []byte, m wire.Message) error { return wire.Decode(b, m, strings) },
	}
}

type (
	openedCore     events.SessionOpened
	openedPersonal events.SessionOpened
	readyCore      events.SessionReady
	readyPersonal  events.SessionReady
	closedCore     events.SessionClosed
	closedPersonal events.SessionClosed
	connectionCore events.ConnectionOpened
	statisticsCore events.StatisticsRecorded
)

func fromProduct(e events.Event) (core, personal wire.Message) {
	switch e := e.(type) {
	case *events.SessionOpened:
		return (*openedCore)(e), (*openedPersonal)(e)
	case *events.SessionReady:
		return (*readyCore)(e), (*readyPersonal)(e)
	case *events.SessionClosed:
		return (*closedCore)(e), (*closedPersonal)(e)
	case *events.ConnectionOpened:
		return (*connectionCore)(e), nil
	case *events.StatisticsRecorded:
		return (*statisticsCore)(e), nil
	}
	panic("not in the ordinary mix: " + e.Kind().String())
}

func productCore(kind events.Kind) wire.Message {
	core, _ := fromProduct(events.New(kind))
	return core
}

// productPersonal is the same event: core and personal fields are one Go type.
func productPersonal(core wire.Message) wire.Message {
	switch m := core.(type) {
	case *openedCore:
		return (*openedPersonal)(m)
	case *readyCore:
		return (*readyPersonal)(m)
	case *closedCore:
		return (*closedPersonal)(m)
	}
	return nil
}

func (e *openedCore) Fields(c *wire.Coder) {
	wire.Uint(c, 1, &e.Type)
	c.Text(2, &e.Source)
	c.Text(3, &e.Incarnation)
	c.Text(4, &e.Service)
	c.Text(5, &e.Listener)
	c.Text(6, &e.Protocol)
	c.Text(7, &e.TLS)
}

func (e *openedPersonal) Fields(c *wire.Coder) {
	c.Text(1, &e.Key)
	c.Text(2, &e.Address)
	wire.Uint(c, 3, &e.Port)
	c.Text(4, &e.Subject)
}

func (e *readyCore) Fields(c *wire.Coder) { c.Text(1, &e.Database) }

func (e *readyPersonal) Fields(c *wire.Coder) {
	c.Text(1, &e.User)
	c.LongText(2, &e.Program)
}

func (e *closedCore) Fields(c *wire.Coder) {
	wire.Uint(c, 1, &e.Reason)
	wire.List(c, 2, &e.Finals, finalFields)
	c.Text(3, &e.Database)
}

func (e *closedPersonal) Fields(c *wire.Coder) {
	c.Text(1, &e.By)
	c.LongText(2, &e.Description)
	c.Text(3, &e.User)
	c.LongText(4, &e.Program)
}

func (e *connectionCore) Fields(c *wire.Coder) {
	wire.Uint(c, 1, &e.Connection)
	c.Text(2, &e.Server)
	wire.Uint(c, 3, &e.ServerID)
}

func (e *statisticsCore) Fields(c *wire.Coder) {
	countersFields(&e.Counters, c)
	wire.Uint(c, 8, &e.Connection)
	wire.Int(c, 9, &e.Active)
}

func countersFields(v *events.Counters, c *wire.Coder) {
	wire.Uint(c, 1, &v.Reads)
	wire.Uint(c, 2, &v.Writes)
	wire.Uint(c, 3, &v.BufferedWrites)
	wire.Uint(c, 4, &v.HighWaterEvents)
	wire.Uint(c, 5, &v.LowWaterEvents)
	wire.Uint(c, 6, &v.BytesRead)
	wire.Uint(c, 7, &v.BytesWritten)
}

func finalFields(v *events.Final, c *wire.Coder) {
	wire.Uint(c, 1, &v.Connection)
	wire.Nested(c, 2, &v.Counters, countersFields)
	wire.Int(c, 3, &v.Active)
}
