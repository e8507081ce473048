package storage

import (
	"encoding/binary"
	"hash/crc32"
)

// sealRow appends the checksum to a row's value.
func sealRow(key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, rowSum(key, value))
}

// openRow checks and removes the checksum of a row's value. It returns false if the
// checksum is wrong.
func openRow(key, value []byte) ([]byte, bool) {
	n := len(value) - crc32.Size
	if n < 0 || binary.BigEndian.Uint32(value[n:]) != rowSum(key, value[:n]) {
		return nil, false
	}
	return value[:n:n], true
}

func rowSum(key, value []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Update(0, table, key), table, value)
}
