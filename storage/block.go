package storage

import (
	"encoding/binary"
	"errors"
	"slices"
)

// A block is a value of log.db: consecutive records of one batch, each after its length
// as an unsigned varint, under the sequence of the first. bbolt's cost is per value, and
// the records of a block share it.

// blockBytes is the most bytes in a block of several records. Four blocks of that size
// fill a leaf page of 4,096 bytes, which has a header of 16 bytes, and 16 bytes and a key
// of 8 for each value. A longer record is a block by itself.
const blockBytes = (4096-16)/4 - 16 - 8

// maxBlocks is the largest buffer that is kept for the blocks of the next batch.
const maxBlocks = 1 << 20

// blocks splits the values of a batch into blocks and calls put for each, with the
// position of its first value. The blocks share the memory of buffer, which is grown as
// needed and returned for the next call.
func blocks(buffer []byte, values [][]byte, put func(first int, block []byte) error) ([]byte, error) {
	size := 0
	for _, v := range values {
		size += lengthSize(v) + len(v)
	}
	buffer = slices.Grow(buffer[:0], size)
	for first, next := 0, 0; first < len(values); first = next {
		begin := len(buffer)
		for ; next < len(values); next++ {
			v := values[next]
			if next > first && len(buffer)-begin+lengthSize(v)+len(v) > blockBytes {
				break
			}
			buffer = appendRecord(buffer, v)
		}
		if err := put(first, buffer[begin:len(buffer):len(buffer)]); err != nil {
			return buffer, err
		}
	}
	return buffer, nil
}

// appendRecord appends a record after its length.
func appendRecord(b, record []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(record))), record...)
}

// lengthSize returns the encoded size of v's length.
func lengthSize(v []byte) int {
	n := 1
	for x := len(v); x >= 0x80; x >>= 7 {
		n++
	}
	return n
}

var errBlock = errors.New("its block is malformed")

// cutRecord splits the first record off a block, which must not be empty.
func cutRecord(block []byte) (record, rest []byte, err error) {
	length, n := binary.Uvarint(block)
	if n <= 0 || length > uint64(len(block)-n) {
		return nil, nil, errBlock
	}
	end := n + int(length)
	return block[n:end:end], block[end:], nil
}
