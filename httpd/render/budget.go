package render

import "sync/atomic"

// Budget bounds how much memory requests have in flight together: bodies that are being read,
// and answers that wait for their clients. Its methods are safe for concurrent use; a nil
// budget has no bound.
type Budget struct{ left atomic.Int64 }

// NewBudget returns a budget of that many bytes.
func NewBudget(bytes int) *Budget {
	b := new(Budget)
	b.left.Store(int64(bytes))
	return b
}

// Take takes that many bytes from the budget, and reports false when there are not so many.
// The caller gives back what it has taken.
func (b *Budget) Take(bytes int) bool {
	if b == nil {
		return true
	}
	if b.left.Add(int64(-bytes)) >= 0 {
		return true
	}
	b.left.Add(int64(bytes))
	return false
}

// Give gives bytes back.
func (b *Budget) Give(bytes int) {
	if b != nil {
		b.left.Add(int64(bytes))
	}
}
