package storage

import (
	"crypto/rand"
	"fmt"

	"gatebook/events"
)

const (
	// sealRoom is the number of bytes that events.Seal appends to a record.
	sealRoom = 4
	// maxPooled is the largest buffer that is kept for the next append.
	maxPooled = 1 << 16
	// saltStock is the number of random bytes that are fetched at once.
	saltStock = 32 * events.SaltSize
)

// pending is one call of Append. Its fields belong to the caller before it enters a batch
// and after that batch is done, and to the appending goroutine in between.
type pending struct {
	entries []Entry
	values  [][]byte
	buffer  []byte
	coder   events.Coder
	salts   []byte // random bytes that are not used yet
	err     error
}

func (a *appender) pending() *pending {
	if p, ok := a.pendings.Get().(*pending); ok {
		return p
	}
	return new(pending)
}

func (a *appender) release(p *pending) {
	p.entries = nil
	if cap(p.buffer) <= maxPooled {
		a.pendings.Put(p)
	}
}

// encode encodes the entries in the caller's goroutine, so that the appending goroutine
// has only to seal them.
func (p *pending) encode(entries []Entry) error {
	p.entries, p.err = entries, nil
	p.buffer, p.values = p.buffer[:0], p.values[:0]
	for i := range entries {
		start := len(p.buffer)
		if !entries[i].Cleaned {
			p.coder.Clean(entries[i].Record.Event)
		}
		p.buffer = p.coder.Append(p.buffer, &entries[i].Record, p.salt)
		end := len(p.buffer)
		if end > listBytes {
			return fmt.Errorf("%w: a list of more than %d bytes", ErrTooLarge, listBytes)
		}
		p.buffer = append(p.buffer, make([]byte, sealRoom)...)
		p.values = append(p.values, p.buffer[start:end])
	}
	// The buffer may have moved while it grew: take the values from its final place.
	at := 0
	for i, v := range p.values {
		end := at + len(v)
		p.values[i] = p.buffer[at : end : end+sealRoom]
		at = end + sealRoom
	}
	return nil
}

// salt fills b with new random bytes.
func (p *pending) salt(b []byte) {
	if len(p.salts) < len(b) {
		p.salts = make([]byte, saltStock)
		rand.Read(p.salts) // never fails: it ends the program where the system has no entropy
	}
	copy(b, p.salts)
	p.salts = p.salts[len(b):]
}
