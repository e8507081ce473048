package httpd

import "sync"

// followers are the requests that have no end of their own. The zero value is ready.
type followers struct {
	mu      sync.Mutex // guards the fields below
	stops   map[*func()]struct{}
	leaving bool
}

// enter adds a request, of which stop is called when all have to leave: at once if
// they have already. Once the function that it returns has returned, stop is not
// called any more.
func (f *followers) enter(stop func()) (gone func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.leaving {
		stop()
		return func() {}
	}
	if f.stops == nil {
		f.stops = make(map[*func()]struct{})
	}
	f.stops[&stop] = struct{}{}
	return func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.stops, &stop)
	}
}

// leave stops those that are there and those that come. stop must not block.
func (f *followers) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.leaving = true
	for stop := range f.stops {
		(*stop)()
	}
}

// unlessLeaving does something that leaving is to have the last word on.
func (f *followers) unlessLeaving(do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.leaving {
		return nil
	}
	return do()
}
