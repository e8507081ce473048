package mysql

import (
	"bytes"
	"compress/zlib"
	"strings"
	"testing"
)

// compressedPacket returns a compressed packet, deflated or as it is.
func compressedPacket(number byte, payload string, deflate bool) []byte {
	b, size := []byte(payload), 0
	if deflate {
		var to bytes.Buffer
		z := zlib.NewWriter(&to)
		_, _ = z.Write(b)
		_ = z.Close()
		b, size = to.Bytes(), len(payload)
	}
	head := []byte{byte(len(b)), byte(len(b) >> 8), byte(len(b) >> 16), number, byte(size), byte(size >> 8), byte(size >> 16)}
	return append(head, b...)
}

// TestInflater checks that packets are inflated however they are cut, and that what is no zlib is an
// error.
func TestInflater(t *testing.T) {
	t.Parallel()
	var want strings.Builder
	var sent []byte
	for i, payload := range []string{"\x01\x00\x00\x00\x0e", strings.Repeat("many rows ", 5000), "", "x", strings.Repeat("y", 70000)} {
		for _, deflate := range []bool{false, len(payload) > 0} {
			sent = append(sent, compressedPacket(byte(i), payload, deflate)...)
			want.WriteString(payload)
		}
	}
	var lent Inflaters
	for _, size := range []int{1, 2, 7, 1000, len(sent)} {
		var got strings.Builder
		i := NewInflater(&lent, func(p []byte) { got.Write(p) })
		for rest := sent; len(rest) > 0; {
			piece := rest[:min(size, len(rest))]
			if err := i.Write(piece); err != nil {
				t.Fatalf("in pieces of %d: %v", size, err)
			}
			rest = rest[len(piece):]
		}
		if got.String() != want.String() {
			t.Errorf("in pieces of %d: got %d bytes, want %d", size, got.Len(), want.Len())
		}
		i.Close()
		i.Close()
	}
	short := compressedPacket(0, "short", true)
	short[4] = 100 // as if there were more
	got := ""
	i := NewInflater(&lent, func(p []byte) { got += string(p) })
	defer i.Close()
	if err := i.Write(append(short, compressedPacket(1, " and more", false)...)); err != nil || got != "short and more" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := i.Write([]byte("\x05\x00\x00\x00\x09\x00\x00(\xb5/\xfd!")); err == nil {
		t.Error("zstd is inflated")
	}
}

// TestCompressedGoodbye checks that a goodbye is seen in a compressed
// packet, however it is cut, and that nothing else is one.
func TestCompressedGoodbye(t *testing.T) {
	t.Parallel()
	quit := "\x05\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01"
	compressed := string(compressedPacket(0, "\x40\x00\x00\x00\x03SELECT 1"+strings.Repeat(" ", 55), true))
	for name, c := range map[string]struct {
		sent string
		want bool
	}{
		"nothing":              {"", false},
		"goodbye":              {quit, true},
		"after something":      {compressed + quit, true},
		"before something":     {quit + compressed, false},
		"before half a header": {quit + compressed[:3], true}, // which holds nothing yet
		"twice":                {quit + quit, true},
		"cut":                  {quit[:11], false},
		"a ping":               {quit[:11] + "\x0e", false},
		"compressed itself":    {string(compressedPacket(0, "\x01\x00\x00\x00\x01", true)), true},
		"in parts":             {string(compressedPacket(0, "\x01\x00\x00", true)) + string(compressedPacket(1, "\x00\x01", true)), true},
		"an empty packet":      {"\x00\x00\x00\x00\x00\x00\x00" + quit, true},
		"a command as short":   {quit[:11] + "\x0e" + quit, true},
		"what has it within":   {string(compressedPacket(0, "\x06\x00\x00\x00\x03\x01\x00\x00\x00\x01", false)), false},
	} {
		for size := 1; size <= len(c.sent)+1; size++ {
			f, a := NewFollower(), NewCompressedAnswers(0)
			i := NewInflater(&Inflaters{}, func(p []byte) { f.Follow(p, &a) })
			for rest := []byte(c.sent); len(rest) > 0; {
				piece := rest[:min(size, len(rest))]
				if err := i.Write(piece); err != nil {
					t.Fatal(err)
				}
				rest = rest[len(piece):]
			}
			i.Close()
			if f.Goodbye() != c.want {
				t.Errorf("%s, in pieces of %d: goodbye is %v", name, size, f.Goodbye())
			}
		}
	}
}

// FuzzMySQLInflater checks that no bytes make an inflater panic, and that pieces make no difference.
func FuzzMySQLInflater(f *testing.F) {
	f.Add(compressedPacket(0, strings.Repeat("x", 100), true), 3)
	f.Add(compressedPacket(0, "\x01\x00\x00\x00\x01", false), 1)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		inflate := func(size int) (string, bool) {
			var lent Inflaters
			var got strings.Builder
			i := NewInflater(&lent, func(p []byte) { got.Write(p) })
			defer i.Close()
			for rest := b; len(rest) > 0; {
				piece := rest[:min(size, len(rest))]
				if err := i.Write(piece); err != nil {
					return got.String(), false
				}
				rest = rest[len(piece):]
			}
			return got.String(), true
		}
		whole, fine := inflate(len(b) + 1)
		pieces, also := inflate(1 + max(size, -size, 0)%100)
		if fine != also || fine && whole != pieces {
			t.Errorf("%d bytes and %v as a whole, %d and %v in pieces", len(whole), fine, len(pieces), also)
		}
	})
}
