package proxy

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"

	"github.com/pires/go-proxyproto"
)

const (
	// prefixV2 is what a header of version 2 has before its addresses: the signature, the command,
	// the family of the addresses, and the length of what follows.
	prefixV2  = 16
	commandV2 = 12
	familyV2  = 13
	lengthV2  = 14
	// commandLocal is the command of a connection without a client.
	commandLocal = 0x20
	// fieldHeader is what a field after the addresses has before its value: type and length.
	fieldHeader = 3
	// typeChecksum is the type of the field with the header's checksum.
	typeChecksum = 0x03
)

// The families of addresses, and how long two addresses of each are, with ports.
const (
	familyUnspecified = 0
	familyIPv4        = 1
	familyIPv6        = 2
	familyUnix        = 3
)

var (
	errFieldCut = errors.New("a field is cut short")
	errChecksum = errors.New("the checksum is wrong")
)

// readVersion2 reads a header of version 2 from its command on, and returns it without what follows
// the addresses.
func readVersion2(r io.Reader, b []byte) ([]byte, error) {
	b = append(b, make([]byte, prefixV2-len(b))...)
	if _, err := io.ReadFull(r, b[shortestHeader:]); err != nil {
		return nil, err
	}
	length := int(binary.BigEndian.Uint16(b[lengthV2:]))
	b = append(b, make([]byte, length)...)
	if _, err := io.ReadFull(r, b[prefixV2:]); err != nil {
		return nil, err
	}
	return withoutFields(b)
}

// withoutFields returns a header of version 2 without the fields after its addresses. An error means
// that these are damaged. A header that has no addresses becomes one without a client.
func withoutFields(b []byte) ([]byte, error) {
	size := addressSize(b[familyV2] >> 4)
	if len(b)-prefixV2 < size {
		return b, nil // which is malformed, unless it has no client
	}
	addresses := prefixV2 + size
	if err := checkFields(b, addresses); err != nil {
		return nil, malformed(err)
	}
	binary.BigEndian.PutUint16(b[lengthV2:], uint16(size))
	if b[familyV2] == familyUnspecified && b[commandV2] == byte(proxyproto.PROXY) {
		b[commandV2] = commandLocal
	}
	return b[:addresses], nil
}

// addressSize returns how long the addresses of a family are. An unknown family, which is malformed,
// has none.
func addressSize(family byte) int {
	switch family {
	case familyIPv4:
		return 4 + 4 + 2 + 2
	case familyIPv6:
		return 16 + 16 + 2 + 2
	case familyUnix:
		return 108 + 108
	}
	return 0
}

// checkFields checks the fields of a header, which begin at from, and its checksum if it has one.
func checkFields(b []byte, from int) error {
	for at := from; at < len(b); {
		if len(b)-at < fieldHeader {
			return errFieldCut
		}
		value := at + fieldHeader
		next := value + int(binary.BigEndian.Uint16(b[at+1:]))
		if next > len(b) {
			return errFieldCut
		}
		if b[at] == typeChecksum && !isChecksum(b, value, next) {
			return errChecksum
		}
		at = next
	}
	return nil
}

// isChecksum reports whether the bytes from value to end are the checksum of the header b: its
// CRC-32C, for which these bytes are zero.
func isChecksum(b []byte, value, end int) bool {
	if end-value != crc32.Size {
		return false
	}
	var zero [crc32.Size]byte
	table := crc32.MakeTable(crc32.Castagnoli)
	sum := crc32.Update(0, table, b[:value])
	sum = crc32.Update(sum, table, zero[:])
	sum = crc32.Update(sum, table, b[end:])
	return sum == binary.BigEndian.Uint32(b[value:])
}
