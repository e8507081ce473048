package index

import "fmt"

// Reader reads the rows that hold the nodes of indexes.
type Reader interface {
	// Get returns the value of the row with that key, nil if there is none. The value is
	// used until the next call. Get keeps no reference to the key.
	Get(key []byte) ([]byte, error)
	// Seek returns the first key that is not below the given one, nil if there is none. It
	// is used until the next call. Seek keeps no reference to the given key.
	Seek(key []byte) ([]byte, error)
}

// Rows reads and writes the rows that hold the nodes of indexes.
type Rows interface {
	Reader
	// Put sets the value of a row. It may keep the value and append to it, but keeps no
	// reference to the key.
	Put(key, value []byte) error
}

// MalformedError reports a row whose value is not the node of an index.
type MalformedError struct {
	Row []byte
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("index row %x is not the node of an index", e.Row)
}
