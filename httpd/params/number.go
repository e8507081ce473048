package params

import "strconv"

// Number returns the number that a text is, in decimal digits alone, and false for any other text:
// a sign, a blank or a leading zero would be a second way to write it, and what has an address has one.
// bits is the size of the number.
func Number(text string, bits int) (n uint64, ok bool) {
	n, err := strconv.ParseUint(text, 10, bits)
	return n, err == nil && (text[0] != '0' || len(text) == 1)
}

// plainNumber says how a number is written.
const plainNumber = "in digits alone, without leading zeros"

// positive returns what a parameter that is a number from 1 on means.
func positive(name string) string {
	switch name {
	case Sequence:
		return "the number of a record"
	case Size, To:
		return "how many of the first records a tree has"
	case From:
		return "how many records an older tree has, or the first record of a segment"
	}
	return "a number"
}

// setPositive reads a number from 1 on.
func setPositive(name, value string, to *uint64) error {
	n, ok := Number(value, 63)
	if !ok || n == 0 {
		return Invalid("%s=%s cannot be read: it is %s, from 1 on, %s, as in %s=1.", name, value, positive(name), plainNumber, name)
	}
	*to = n
	return nil
}
