package sealed

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"sort"
)

// A node consists of
//
//	1 byte   0: a leaf; 1: a branch
//	2 bytes  the number of its items, little-endian
//	2 bytes  for each item: where it begins in the node
//	each item: the length of its key as an unsigned varint, the key, and up to the next item
//	the value; in a branch the number (8 bytes, little-endian) and the checksum (4 bytes)
//	of a child, whose keys are not below the item's; the first item's child also has all keys
//	below that.
//
// Its checksum is the CRC-32C of its number and its bytes.

const (
	leafNode   = 0
	branchNode = 1
	headerSize = 3
	offsetSize = 2
	childSize  = 12
	// nodeSize is the most bytes that a node has, unless it has one item alone. Two of them
	// fill two pages of bbolt.
	nodeSize = 3900
)

// Ref identifies a node, as its parent holds it.
type Ref struct {
	// Number is the node's; 0 for no node.
	Number uint64
	Sum    uint32
}

// DamagedError reports a node that is not what was written.
type DamagedError struct {
	Number uint64
	Reason string
}

func (e *DamagedError) Error() string { return fmt.Sprintf("node %d %s", e.Number, e.Reason) }

func sumOf(number uint64, b []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], number)
	return crc32.Update(crc32.Update(0, table, n[:]), table, b)
}

// node is an encoded node that has been checked.
type node []byte

func (n node) isBranch() bool { return n[0] == branchNode }

func (n node) len() int { return int(binary.LittleEndian.Uint16(n[1:])) }

// item returns an item's key and value.
func (n node) item(i int) (key, value []byte) {
	from := int(binary.LittleEndian.Uint16(n[headerSize+offsetSize*i:]))
	to := len(n)
	if i+1 < n.len() {
		to = int(binary.LittleEndian.Uint16(n[headerSize+offsetSize*(i+1):]))
	}
	size, w := binary.Uvarint(n[from:to])
	end := from + w + int(size)
	return n[from+w : end : end], n[end:to:to]
}

// child returns the child of an item.
func (n node) child(i int) Ref {
	_, v := n.item(i)
	return Ref{Number: binary.LittleEndian.Uint64(v), Sum: binary.LittleEndian.Uint32(v[8:])}
}

// search returns the position of the first item whose key is not below the given one.
func (n node) search(key []byte) int {
	return sort.Search(n.len(), func(i int) bool {
		k, _ := n.item(i)
		return bytes.Compare(k, key) >= 0
	})
}

// childFor returns the position of the child that has a key.
func (n node) childFor(key []byte) int {
	i := n.search(key)
	if i < n.len() {
		if k, _ := n.item(i); bytes.Equal(k, key) {
			return i
		}
	}
	return max(i-1, 0)
}

// item is a row, or a child.
type item struct {
	key, value []byte
}

func (t *item) size() int {
	return offsetSize + len(binary.AppendUvarint(make([]byte, 0, binary.MaxVarintLen64), uint64(len(t.key)))) + len(t.key) + len(t.value)
}

// encode encodes a node of items.
func encode(kind byte, items []item) []byte {
	size := headerSize
	for i := range items {
		size += items[i].size()
	}
	b := make([]byte, headerSize+offsetSize*len(items), size)
	b[0] = kind
	binary.LittleEndian.PutUint16(b[1:], uint16(len(items)))
	for i := range items {
		binary.LittleEndian.PutUint16(b[headerSize+offsetSize*i:], uint16(len(b)))
		b = binary.AppendUvarint(b, uint64(len(items[i].key)))
		b = append(append(b, items[i].key...), items[i].value...)
	}
	return b
}

// decode appends the items of a node to items.
func (n node) decode(items []item) []item {
	for i := range n.len() {
		key, value := n.item(i)
		items = append(items, item{key, value})
	}
	return items
}

func childItem(low []byte, r Ref) item {
	v := binary.LittleEndian.AppendUint64(make([]byte, 0, childSize), r.Number)
	return item{low, binary.LittleEndian.AppendUint32(v, r.Sum)}
}
