package mysql

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"

	"gatebook/cmd/gatebook/gateway/names"
)

// Collation is the number by which a client names its character set.
type Collation uint16

// Text returns a text of the client as UTF-8. A byte that has no meaning in its character set, or
// whose meaning is not known here, is escaped as [names.FromUTF8] does it.
func (c Collation) Text(raw []byte) string {
	table, known := c.encoding()
	switch {
	case !known:
		return names.FromUTF8(raw)
	case isASCII(raw) || table == nil:
		return names.FromASCII(raw)
	}
	text, err := table.NewDecoder().Bytes(raw)
	if err != nil || strings.ContainsFunc(string(text), isMeaningless) {
		return names.FromASCII(raw)
	}
	return names.Plain(string(text))
}

// isMeaningless reports whether a character stands for bytes without a meaning.
func isMeaningless(r rune) bool { return r == utf8.RuneError || 0x80 <= r && r < 0xa0 }

// isASCII reports whether a text has no other characters.
func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// encoding returns the encoding of the collation's character set; nil where only its ASCII is
// known here. It is not known for UTF-8, for numbers that are no collation's, and for the character
// sets that no client can speak: they are taken for UTF-8.
func (c Collation) encoding() (table encoding.Encoding, known bool) {
	switch c {
	case 5, 8, 15, 31, 47, 48, 49, 94: // latin1, which is not ISO 8859-1
		return charmap.Windows1252, true
	case 2, 9, 21, 27, 77: // latin2
		return charmap.ISO8859_2, true
	case 30, 78: // latin5
		return charmap.ISO8859_9, true
	case 20, 41, 42, 79: // latin7
		return charmap.ISO8859_13, true
	case 25, 70: // greek
		return charmap.ISO8859_7, true
	case 16, 71: // hebrew
		return charmap.ISO8859_8, true
	case 18, 89: // tis620
		return charmap.Windows874, true
	case 7, 74: // koi8r
		return charmap.KOI8R, true
	case 22, 75: // koi8u
		return charmap.KOI8U, true
	case 39, 53: // macroman
		return charmap.Macintosh, true
	}
	if table := c.codePage(); table != nil {
		return table, true
	}
	if table := c.eastAsian(); table != nil {
		return table, true
	}
	switch c {
	case 3, 69, 6, 72, 10, 82, 11, 65, 32, 64, 37, 73, 38, 43, 92, 93: // dec8, hp8, swe7, ascii, armscii8, keybcs2, macce, geostd8
		return nil, true
	}
	return nil, false
}

// codePage returns the encoding of a character set that is named after a code page; nil for
// others.
func (c Collation) codePage() encoding.Encoding {
	switch c {
	case 4, 80:
		return charmap.CodePage850
	case 40, 81:
		return charmap.CodePage852
	case 36, 68:
		return charmap.CodePage866
	case 26, 34, 44, 66, 99:
		return charmap.Windows1250
	case 14, 23, 50, 51, 52:
		return charmap.Windows1251
	case 57, 67:
		return charmap.Windows1256
	case 29, 58, 59:
		return charmap.Windows1257
	}
	return nil
}

// eastAsian returns the encoding of a character set of several bytes a character; nil for others.
func (c Collation) eastAsian() encoding.Encoding {
	switch c {
	case 1, 84: // big5
		return traditionalchinese.Big5
	case 24, 86, 28, 87: // gb2312, and gbk, which has all of it
		return simplifiedchinese.GBK
	case 248, 249, 250: // gb18030
		return simplifiedchinese.GB18030
	case 12, 91, 97, 98: // ujis, eucjpms
		return japanese.EUCJP
	case 13, 88, 95, 96: // sjis, cp932
		return japanese.ShiftJIS
	case 19, 85: // euckr
		return korean.EUCKR
	}
	return nil
}
