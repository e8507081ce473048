package relay

// queue holds bytes, first in, first out, in borrowed buffers. It is not safe
// for concurrent use, but what front has returned may be read during add.
type queue struct {
	buffers *Buffers
	// blocks hold the bytes from head in the first to tail in the last.
	blocks     []*Buffer
	head, tail int
	size       int
}

// add copies p to the end.
func (q *queue) add(p []byte) {
	q.size += len(p)
	for len(p) > 0 {
		if len(q.blocks) == 0 || q.tail == BufferSize {
			q.blocks = append(q.blocks, q.buffers.Borrow())
			q.tail = 0
		}
		n := copy(q.blocks[len(q.blocks)-1][q.tail:], p)
		q.tail += n
		p = p[n:]
	}
}

// front returns the first bytes, at least one unless the queue is empty. They
// stay the queue's and are valid until they are dropped.
func (q *queue) front() []byte {
	switch len(q.blocks) {
	case 0:
		return nil
	case 1:
		return q.blocks[0][q.head:q.tail]
	}
	return q.blocks[0][q.head:]
}

// drop removes the first n bytes, which front returned.
func (q *queue) drop(n int) {
	q.size -= n
	q.head += n
	if q.size > 0 && q.head < BufferSize {
		return
	}
	if len(q.blocks) == 0 {
		return
	}
	q.buffers.Return(q.blocks[0])
	last := len(q.blocks) - 1
	copy(q.blocks, q.blocks[1:])
	q.blocks[last] = nil
	q.blocks = q.blocks[:last]
	q.head = 0
}

// clear empties the queue and gives its buffers back.
func (q *queue) clear() {
	for _, block := range q.blocks {
		q.buffers.Return(block)
	}
	*q = queue{buffers: q.buffers}
}
