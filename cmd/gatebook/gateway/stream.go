package gateway

import (
	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/relay"
)

// stream reads whole packets from a socket, for the time of a login. It belongs
// to one goroutine at a time.
type stream struct {
	conn *relay.Conn
	// frame measures the packet at the head of what was read, and limits it.
	frame func(b []byte) (int, error)

	buffers *relay.Buffers
	// buffer is borrowed, nil when memory is the stream's own, which it is when a
	// packet is longer than a buffer.
	buffer *relay.Buffer
	memory []byte
	// from and to are where in memory the bytes are that were read and not taken.
	from, to int
	// renumber is added to the sequence number of each packet that is taken; 0 but
	// for MySQL whose two sides count differently.
	renumber byte
}

// head waits for the first n bytes of the next packet, and does not take them.
func (s *stream) head(n int) ([]byte, error) {
	for s.to-s.from < n {
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
	return s.memory[s.from : s.from+n], nil
}

// next waits for the next packet and takes it. It is valid until the next call.
func (s *stream) next() ([]byte, error) {
	for {
		size, err := s.frame(s.memory[s.from:s.to])
		if err != nil {
			return nil, err
		}
		if size > 0 && s.to-s.from >= size {
			packet := s.memory[s.from : s.from+size : s.from+size]
			s.from += size
			if s.renumber != 0 {
				mysql.Packet(packet).SetSequence(mysql.Packet(packet).Sequence() + s.renumber)
			}
			return packet, nil
		}
		if err := s.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads once, into memory that it makes larger when it is full.
func (s *stream) fill() error {
	switch {
	case s.memory == nil:
		s.buffer = s.buffers.Borrow()
		s.memory = s.buffer[:]
	case s.from > 0:
		s.to = copy(s.memory, s.memory[s.from:s.to])
		s.from = 0
	case s.to == len(s.memory):
		memory := make([]byte, 2*len(s.memory))
		read := copy(memory, s.memory)
		s.release()
		s.memory, s.to = memory, read
	}
	n, err := s.conn.Read(s.memory[s.to:])
	s.to += n
	if n > 0 {
		return nil
	}
	return err
}

// rest takes what was read and is no packet of the login any more. It is valid
// until release.
func (s *stream) rest() []byte {
	rest := s.memory[s.from:s.to]
	s.from = s.to
	return rest
}

// release gives the buffer back.
func (s *stream) release() {
	if s.buffer != nil {
		s.buffers.Return(s.buffer)
	}
	s.buffer, s.memory, s.from, s.to = nil, nil, 0, 0
}

// preload gives the stream, before its first read, bytes that were read already.
func (s *stream) preload(b []byte) { s.memory, s.to = b, len(b) }
