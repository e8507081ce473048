package storage

import (
	"encoding/binary"
	"errors"
	"slices"
)

// A block is a value of log.db: the records of one batch that follow each other, each
// with its length as an unsigned varint before it, under the sequence of the first.
// bbolt's work is for each value; records that are committed together share it.

// blockBytes is how long a block may grow. Four of that size fill a leaf of 4,096
// bytes, which has a header of 16 and for each value 16 and a key of 8. A longer
// record is a block by itself.
const blockBytes = (4096-16)/4 - 16 - 8

// maxBlocks bounds the memory that is kept for the blocks of the next batch.
const maxBlocks = 1 << 20

// blocks cuts the values of a batch into blocks and calls put for each, with the
// position of its first value. The buffer is what the blocks are made in; they share
// its memory, which is returned to be used again when they are no longer needed.
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
			buffer = append(binary.AppendUvarint(buffer, uint64(len(v))), v...)
		}
		if err := put(first, buffer[begin:len(buffer):len(buffer)]); err != nil {
			return buffer, err
		}
	}
	return buffer, nil
}

// lengthSize is how many bytes the length of v takes.
func lengthSize(v []byte) int {
	n := 1
	for x := len(v); x >= 0x80; x >>= 7 {
		n++
	}
	return n
}

var errBlock = errors.New("the block it is in is not in its form")

// cutRecord takes the first record off the rest of a block, which must not be empty.
func cutRecord(block []byte) (record, rest []byte, err error) {
	length, n := binary.Uvarint(block)
	if n <= 0 || length > uint64(len(block)-n) {
		return nil, nil, errBlock
	}
	end := n + int(length)
	return block[n:end:end], block[end:], nil
}
