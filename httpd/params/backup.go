package params

import (
	"encoding/hex"
	"strconv"
)

// setFrom reads where the first segment begins that a backup does not have.
func (p *Parameters) setFrom(value string) error {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil || n == 0 {
		return Invalid("from=%s is no record: it is the number of the first record that a backup does not have, as in from=1.", value)
	}
	p.From = n
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
