package index_test

import (
	"bytes"
	"slices"
	"sort"
	"testing"

	"go.uber.org/goleak"

	"gatebook/storage/index"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memoryRows keeps rows in memory. It does what Rows allows: it keeps the value given to
// Put and appends to it, and overwrites a value that it returned with the next call.
type memoryRows struct {
	keys     []string // sorted
	values   map[string][]byte
	returned []byte
}

func newMemoryRows() *memoryRows { return &memoryRows{values: make(map[string][]byte)} }

func (r *memoryRows) Get(key []byte) ([]byte, error) {
	r.overwriteReturned()
	value, found := r.values[string(key)]
	if !found {
		return nil, nil
	}
	r.returned = bytes.Clone(value)
	return r.returned, nil
}

func (r *memoryRows) Put(key, value []byte) error {
	r.overwriteReturned()
	if i, found := slices.BinarySearch(r.keys, string(key)); !found {
		r.keys = slices.Insert(r.keys, i, string(key))
	}
	r.values[string(key)] = value
	_ = append(value, "appended"...)
	return nil
}

func (r *memoryRows) Seek(key []byte) ([]byte, error) {
	r.overwriteReturned()
	if i := sort.SearchStrings(r.keys, string(key)); i < len(r.keys) {
		r.returned = []byte(r.keys[i])
		return r.returned, nil
	}
	return nil, nil
}

func (r *memoryRows) overwriteReturned() {
	for i := range r.returned {
		r.returned[i] = 0xff
	}
}

// failingRows fails at every read.
type failingRows struct{ err error }

func (r failingRows) Get([]byte) ([]byte, error)  { return nil, r.err }
func (r failingRows) Seek([]byte) ([]byte, error) { return nil, r.err }
func (r failingRows) Put([]byte, []byte) error    { return r.err }

var _ index.Rows = failingRows{}
