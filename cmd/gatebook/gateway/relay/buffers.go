package relay

import "sync"

// BufferSize is what one read can take in, and the unit a queue grows by.
const BufferSize = 32 << 10

// Buffer is memory for bytes on their way.
type Buffer [BufferSize]byte

// Buffers lends out buffers. The zero value is ready for use, by any number of
// goroutines.
type Buffers struct{ pool sync.Pool }

// Borrow returns a buffer with anything in it. It is the caller's until it is
// returned.
func (b *Buffers) Borrow() *Buffer {
	if buffer, ok := b.pool.Get().(*Buffer); ok {
		return buffer
	}
	return new(Buffer)
}

// Return takes a buffer back.
func (b *Buffers) Return(buffer *Buffer) { b.pool.Put(buffer) }
