package params

import "encoding/hex"

// setSeal reads the hash of a seal.
func (p *Parameters) setSeal(value string) error {
	b, err := hex.DecodeString(value)
	if err != nil || len(b) != len(p.Seal) {
		return Invalid("seal=%s is no hash of a seal: it is %d hexadecimal digits.", value, 2*len(p.Seal))
	}
	copy(p.Seal[:], b)
	return nil
}
