package login

import (
	"bytes"

	"gatebook/cmd/gatebook/gateway/relay"
)

// packets reads whole packets from a socket, for the time of a login. It belongs to one
// goroutine at a time.
type packets struct {
	conn *relay.Conn
	// frame measures the packet at the head of what was read, and limits it.
	frame func(b []byte) (int, error)

	buffers *relay.Buffers
	// buffer is borrowed; nil when memory is its own, which it is when a packet is longer
	// than a buffer.
	buffer *relay.Buffer
	memory []byte
	// from and to are where in memory the bytes are that were read and not taken.
	from, to int
	// taken changes each packet that is taken; nil changes none.
	taken func(packet []byte)
}

// head blocks until the first n bytes of the next packet are there, and does not take
// them.
func (p *packets) head(n int) ([]byte, error) {
	for p.to-p.from < n {
		if err := p.fill(); err != nil {
			return nil, err
		}
	}
	return p.memory[p.from : p.from+n], nil
}

// begins blocks until it is clear whether the bytes that come next are those of prefix, and
// does not take them.
func (p *packets) begins(prefix []byte) (bool, error) {
	for {
		have := p.memory[p.from:p.to]
		n := min(len(have), len(prefix))
		if !bytes.Equal(have[:n], prefix[:n]) {
			return false, nil
		}
		if n == len(prefix) {
			return true, nil
		}
		if err := p.fill(); err != nil {
			return false, err
		}
	}
}

// unread returns what was read and not taken. It is valid until the next call.
func (p *packets) unread() []byte { return p.memory[p.from:p.to] }

// size returns how many bytes were read and not taken.
func (p *packets) size() int { return p.to - p.from }

// next blocks until the next packet is there and takes it. It is valid until the next call.
func (p *packets) next() ([]byte, error) {
	for {
		size, err := p.frame(p.memory[p.from:p.to])
		if err != nil {
			return nil, err
		}
		if size > 0 && p.to-p.from >= size {
			packet := p.memory[p.from : p.from+size : p.from+size]
			p.from += size
			if p.taken != nil {
				p.taken(packet)
			}
			return packet, nil
		}
		if err := p.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads once, into memory that it makes larger when it is full.
func (p *packets) fill() error {
	switch {
	case p.memory == nil:
		p.buffer = p.buffers.Borrow()
		p.memory = p.buffer[:]
	case p.from > 0:
		p.to = copy(p.memory, p.memory[p.from:p.to])
		p.from = 0
	case p.to == len(p.memory):
		memory := make([]byte, 2*len(p.memory))
		read := copy(memory, p.memory)
		p.release()
		p.memory, p.to = memory, read
	}
	n, err := p.conn.Read(p.memory[p.to:])
	p.to += n
	if n > 0 {
		return nil
	}
	return err
}

// rest takes what was read and is no packet of the login any more. It is valid
// until release.
func (p *packets) rest() []byte {
	rest := p.memory[p.from:p.to]
	p.from = p.to
	return rest
}

// release gives the buffer back.
func (p *packets) release() {
	if p.buffer != nil {
		p.buffers.Return(p.buffer)
	}
	p.buffer, p.memory, p.from, p.to = nil, nil, 0, 0
}

// preload gives it, before its first read, bytes that were read already.
func (p *packets) preload(b []byte) { p.memory, p.to = b, len(b) }
