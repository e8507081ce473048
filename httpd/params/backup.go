package params

import (
	"encoding/hex"
	"strconv"
)

// setPosition reads the number of a record, or how many of the first records there are.
func setPosition(name, value string, to *uint64) error {
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil || n == 0 {
		return Invalid("%s=%s is not known: records are numbered from 1, as in %s=1.", name, value, name)
	}
	*to = n
	return nil
}

// setSeal reads the hash of a seal.
func (p *Parameters) setSeal(value string) error {
	b, err := hex.DecodeString(value)
	if err != nil || len(b) != len(p.Seal) {
		return Invalid("seal=%s is no hash of a seal: it is %d hexadecimal digits.", value, 2*len(p.Seal))
	}
	copy(p.Seal[:], b)
	return nil
}
