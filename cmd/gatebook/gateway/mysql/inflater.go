package mysql

import (
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
)

// CompressedHeaderSize is what a packet has before its payload where packets are compressed:
// the payload's size, a number, and the size that it has when it is not compressed any more,
// which is 0 for a payload that is not compressed.
const CompressedHeaderSize = HeaderSize + 3

// Inflaters lends what inflating takes, for the time of one compressed packet. The zero value is
// ready. Any goroutine may use it.
type Inflaters struct{ pool sync.Pool }

// Inflater inflates what one side sends where packets are compressed. It is for one goroutine at a
// time, and is closed when it is no longer used.
type Inflater struct {
	lent *Inflaters
	out  func(p []byte)
	// rest is what Write was given and run has not read.
	rest []byte
	// yield waits for the next Write.
	yield func(error) bool
	next  func() (error, bool)
	stop  func()
}

// NewInflater returns an inflater that calls out with what was inflated, which out must not keep.
func NewInflater(lent *Inflaters, out func(p []byte)) *Inflater {
	i := &Inflater{lent: lent, out: out}
	i.next, i.stop = iter.Pull(func(yield func(error) bool) {
		i.yield = yield
		yield(i.run())
	})
	return i
}

// Write inflates the next bytes. After an error, which is of bytes that are not compressed in the way
// of zlib, it must not be called again.
func (i *Inflater) Write(p []byte) error {
	for i.rest = p; len(i.rest) > 0; {
		if err, more := i.next(); err != nil || !more {
			return err
		}
	}
	return nil
}

// Close ends the inflater. It may be called more than once.
func (i *Inflater) Close() { i.stop() }

// run inflates one packet after the other, until one is malformed or the inflater is closed.
func (i *Inflater) run() error {
	var header [CompressedHeaderSize]byte
	for {
		if _, err := io.ReadFull(&section{i, len(header)}, header[:]); err != nil {
			return err
		}
		if err := i.packet(length(header[:]), length(header[HeaderSize:])); err != nil {
			return err
		}
	}
}

// packet inflates the payload of a packet. size is its size then, or 0 if it is not compressed.
func (i *Inflater) packet(compressed, size int) error {
	from := &section{i, compressed}
	means := i.lent.take()
	if size == 0 {
		if err := i.copy(from, compressed, means.buffer[:]); err != nil {
			return err
		}
		i.lent.pool.Put(means)
		return nil
	}
	if err := means.begin(from); err != nil {
		return malformedCompression(err)
	}
	// A server takes what is shorter than its header says.
	if err := i.copy(means.reader, size, means.buffer[:]); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	_, err := io.CopyBuffer(io.Discard, from, means.buffer[:])
	i.lent.pool.Put(means)
	return err
}

// copy passes on n bytes.
func (i *Inflater) copy(from io.Reader, n int, buffer []byte) error {
	for n > 0 {
		got, err := from.Read(buffer[:min(n, len(buffer))])
		if got > 0 {
			i.out(buffer[:got])
		}
		if n -= got; n > 0 && err != nil {
			return malformedCompression(err)
		}
	}
	return nil
}

// means are what inflating a packet takes.
type means struct {
	// reader is zlib's; nil before the first packet.
	reader io.ReadCloser
	buffer [4096]byte
}

// take lends the means.
func (l *Inflaters) take() *means {
	if m, ok := l.pool.Get().(*means); ok {
		return m
	}
	return &means{}
}

// begin begins to inflate what is read from there.
func (m *means) begin(from io.Reader) (err error) {
	if m.reader != nil {
		return m.reader.(zlib.Resetter).Reset(from, nil)
	}
	m.reader, err = zlib.NewReader(from)
	return err
}

func malformedCompression(err error) error {
	return fmt.Errorf("%w: a compressed packet: %w", ErrMalformed, err)
}

// section reads what is left of a part of what is written to an inflater.
type section struct {
	*Inflater
	left int
}

var errClosed = errors.New("the inflater is closed")

// fill waits until there is something to read.
func (s *section) fill() error {
	if s.left == 0 {
		return io.EOF
	}
	for len(s.rest) == 0 {
		if !s.yield(nil) {
			return errClosed
		}
	}
	return nil
}

// Read reads at least a byte.
func (s *section) Read(p []byte) (int, error) {
	if err := s.fill(); err != nil || len(p) == 0 {
		return 0, err
	}
	n := copy(p[:min(len(p), s.left)], s.rest)
	s.rest, s.left = s.rest[n:], s.left-n
	return n, nil
}

// ReadByte reads a byte.
func (s *section) ReadByte() (byte, error) {
	if err := s.fill(); err != nil {
		return 0, err
	}
	b := s.rest[0]
	s.rest, s.left = s.rest[1:], s.left-1
	return b, nil
}
