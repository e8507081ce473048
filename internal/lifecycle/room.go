package lifecycle

import "fmt"

// Room is how many new names of services and servers may be recorded; less than 0 is any
// number. A name is kept for ever.
type Room struct{ Services, Servers int }

// NoRoomError reports a new name where there are too many already.
type NoRoomError struct {
	// Thing is "service" or "server".
	Thing, Name string
}

func (e *NoRoomError) Error() string {
	return fmt.Sprintf("there is no room for the %s %q", e.Thing, e.Name)
}

// take takes the room for a name. It returns a [*NoRoomError] if there is none.
func (r *Room) take(thing, name string) error {
	left := &r.Services
	if thing == thingServer {
		left = &r.Servers
	}
	switch {
	case *left == 0:
		return &NoRoomError{Thing: thing, Name: name}
	case *left > 0:
		*left--
	}
	return nil
}
