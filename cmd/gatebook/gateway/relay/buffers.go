package relay

import "sync"

// BufferSize is how much one read can take, and the unit by which a queue grows.
const BufferSize = 32 << 10

// Buffer is memory for bytes on their way.
type Buffer [BufferSize]byte

// Buffers lends out buffers. The zero value is ready for use, by any number of
// goroutines.
type Buffers struct{ pool sync.Pool }

// Borrow returns a buffer with any content. It is the caller's until [Buffers.Return].
func (b *Buffers) Borrow() *Buffer {
	if buffer, ok := b.pool.Get().(*Buffer); ok {
		return buffer
	}
	return new(Buffer)
}

// Return takes a buffer back.
func (b *Buffers) Return(buffer *Buffer) { b.pool.Put(buffer) }
