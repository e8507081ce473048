package lifecycle

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"gatebook/events"
	"gatebook/events/wire"
	"gatebook/projection"
)

// The most elements that a list of an event may have: the last counters of connections, the
// addresses and the servers of a service.
const (
	MostFinals    = 1024
	MostListeners = 256
	MostServers   = 1024
)

// checkLength returns what is wrong with the length of a list.
func checkLength(what string, n, most int) error {
	if n > most {
		return fmt.Errorf("%s has more than %d elements", what, most)
	}
	return nil
}

// ReservedName is the name of the API's own service and source.
const ReservedName = "gatebook"

// IsReserved reports whether a name is [ReservedName], compared as names are.
func IsReserved(name string) bool { return projection.NameKey(name) == ReservedName }

// Checker checks events of sources. Its zero value is ready. It is safe for concurrent
// use, and keeps coders from one event to the next: a source checks each event it records.
type Checker struct {
	coders sync.Pool // of *events.Coder
}

// clean repairs the texts of an event: see [events.Clean].
func (c *Checker) clean(e events.Event) {
	if !events.HasTexts(e) {
		return
	}
	coder, ok := c.coders.Get().(*events.Coder)
	if !ok {
		coder = new(events.Coder)
	}
	coder.Clean(e)
	c.coders.Put(coder)
}

// Check returns what is wrong with an event of a source whatever the book says, nil if
// nothing is. It repairs texts (see [events.Clean]), writes the address in its canonical
// form and takes empty names out of lists. The source is the name of the one that
// reports; only [ReservedName] reports sessions of the service of that name.
func (c *Checker) Check(e events.Event, source string) error {
	if e == nil || reflect.ValueOf(e).IsNil() {
		return errors.New("there is no event")
	}
	c.clean(e)
	switch e := e.(type) {
	case *events.ServiceDeclared:
		return checkService(e, source)
	case *events.ServerDeclared:
		return checkName("server", e.Name)
	case *events.ServerChanged:
		return checkServerChange(e)
	case *events.SessionOpened:
		return checkOpening(e, source)
	case *events.SessionClosed:
		return checkClosing(e)
	case *events.ConnectionClosed:
		return cmp.Or(checkNumber(e.Final.Connection), checkReason(e.Reason), checkActive(&e.Final))
	case *events.ConnectionOpened:
		return cmp.Or(checkNumber(e.Connection), checkName("server", e.Server))
	case *events.ConnectionFailed:
		return cmp.Or(checkNumber(e.Connection), checkName("server", e.Server))
	case *events.RecordingGap:
		return checkGap(e)
	case *events.StatisticsRecorded:
		return checkActive(&e.Final)
	case *events.SessionReady, *events.LoginFailed:
		return nil
	}
	return errors.New("a source does not tell of that: it is the registry's to record")
}

// CheckSource returns what is wrong with the name of a source.
func CheckSource(name string) error {
	if err := CheckText("source", name); err != nil {
		return err
	}
	return checkPath("source", name)
}

// CheckText returns what is wrong with a text that is kept as it is, and so must not be
// cut or repaired: the name of a source, an incarnation.
func CheckText(what, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("no %s is named", what)
	case len(text) > wire.TextLimit || !utf8.ValidString(text):
		return fmt.Errorf("the %s has %d bytes; a valid text of at most %d can be one", what, len(text), wire.TextLimit)
	}
	return nil
}

// checkName returns what is wrong with the name of a service or a server.
func checkName(what, name string) error {
	if name == "" {
		return fmt.Errorf("the %s has no name", what)
	}
	return checkPath(what, name)
}

// checkPath refuses the names to which no link leads: clients take the segments . and
// .. out of a path before they send it (RFC 3986, 5.2.4), escaped or not.
func checkPath(what, name string) error {
	if name == "." || name == ".." {
		return fmt.Errorf("the %s is called %q, which in a path means another place; it needs another name", what, name)
	}
	return nil
}

// checkNumber refuses the number of the client's connection for one to a server.
func checkNumber(connection uint32) error {
	if connection == 0 {
		return errors.New("connection 0 is the client's")
	}
	return nil
}

// checkServiceName checks the service of a session, or one that is declared.
func checkServiceName(name, source string) error {
	if IsReserved(name) && !IsReserved(source) {
		return fmt.Errorf("the service %s is the registry's own", ReservedName)
	}
	return checkPath("service", name)
}

func checkService(e *events.ServiceDeclared, source string) error {
	if err := cmp.Or(checkLength("listeners", len(e.Listeners), MostListeners), checkLength("servers", len(e.Servers), MostServers)); err != nil {
		return err
	}
	e.Listeners, e.Servers = withoutEmpty(e.Listeners), withoutEmpty(e.Servers)
	switch {
	case e.Stopped || e.By != "":
		return errors.New("that a service is stopped is an administrator's to say")
	case e.Name == "":
		return errors.New("the service has no name")
	}
	if err := checkServiceName(e.Name, source); err != nil {
		return err
	}
	for _, server := range e.Servers {
		if err := checkPath("server", server); err != nil {
			return err
		}
	}
	return nil
}

// withoutEmpty returns a copy of a list without empty texts.
func withoutEmpty(list []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == "" })
}

func checkServerChange(e *events.ServerChanged) error {
	switch {
	case e.State > events.ServerDown:
		return fmt.Errorf("there is no state %d of a server", e.State)
	case e.Since < 0:
		return errors.New("the state began before 1970")
	}
	return checkName("server", e.Name)
}

func checkOpening(e *events.SessionOpened, source string) error {
	if e.Service == "" {
		return errors.New("the session has no service")
	}
	if err := checkServiceName(e.Service, source); err != nil {
		return err
	}
	if e.Type.String() == "" {
		return errors.New("there is no such type of session")
	}
	if e.Address == "" {
		return nil
	}
	address, err := netip.ParseAddr(e.Address)
	if err != nil {
		return errors.New("the address " + strings.ToValidUTF8(e.Address, "\ufffd") + " is no IP address")
	}
	// Nearly every address is in its canonical form, and is not written anew.
	var b [64]byte
	if canonical := address.Unmap().AppendTo(b[:0]); string(canonical) != e.Address {
		e.Address = string(canonical)
	}
	return nil
}

func checkClosing(e *events.SessionClosed) error {
	if err := checkLength("connections", len(e.Finals), MostFinals); err != nil {
		return err
	}
	seen := make(map[uint32]bool, len(e.Finals))
	for i := range e.Finals {
		f := &e.Finals[i]
		if seen[f.Connection] {
			return errors.New("it has two final counters of one connection")
		}
		seen[f.Connection] = true
		if err := checkActive(f); err != nil {
			return err
		}
	}
	return checkReason(e.Reason)
}

// checkReason returns why a source cannot give a reason.
func checkReason(r events.Reason) error {
	switch {
	case r.String() == "":
		return errors.New("it has no reason")
	case r == events.ReasonSourceLost, r == events.ReasonRegistryCrashed:
		return errors.New("the reason " + r.String() + " is for ends that nobody saw")
	}
	return nil
}

func checkActive(f *events.Final) error {
	if f.Active < 0 {
		return fmt.Errorf("connection %d was read from before 1970", f.Connection)
	}
	return nil
}

func checkGap(e *events.RecordingGap) error {
	switch {
	case e.Sessions == 0 && e.Events == 0:
		return errors.New("nothing is missing")
	case e.From < 0 || e.Until < e.From:
		return fmt.Errorf("it is from %s until %s; a gap begins in 1970 or later and ends after it began",
			e.From.Time().Format("2006-01-02 15:04:05"), e.Until.Time().Format("2006-01-02 15:04:05"))
	}
	return nil
}
