package postgres

import (
	"encoding/binary"
	"fmt"
)

// maxSecret is the longest secret of any version.
const maxSecret = 256

// Key is with what a query is cancelled. It is comparable.
type Key struct {
	// Process is the server's number for the connection.
	Process uint32
	// Secret is what the server gave to the client alone.
	Secret string
}

// ParseKey reads BackendKeyData.
func ParseKey(m Message) (Key, error) { return parseKey(m.Body()) }

// parseKey reads a process and the secret that fills the rest.
func parseKey(b []byte) (Key, error) {
	if len(b) < 4+4 || len(b) > 4+maxSecret {
		return Key{}, fmt.Errorf("%w: a cancel key of %d bytes", ErrMalformed, len(b))
	}
	return Key{Process: binary.BigEndian.Uint32(b), Secret: string(b[4:])}, nil
}

// AppendCancel appends the request to cancel what the connection of k is doing.
func AppendCancel(b []byte, k Key) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(startupHeader+4+len(k.Secret)))
	b = binary.BigEndian.AppendUint32(b, codeCancel)
	b = binary.BigEndian.AppendUint32(b, k.Process)
	return append(b, k.Secret...)
}
