package postgres

import (
	"strings"
	"testing"
)

func TestFrames(t *testing.T) {
	t.Parallel()
	ready := "Z\x00\x00\x00\x05I"
	for name, c := range map[string]struct {
		sent    string
		between bool
	}{
		"nothing":          {"", true},
		"a message":        {ready, true},
		"without a body":   {"n\x00\x00\x00\x04", true},
		"a false length":   {"n\x00\x00\x00\x00", true},
		"two":              {ready + ready, true},
		"a type":           {ready + ready[:1], false},
		"a header":         {ready + ready[:5], false},
		"ready in a row":   {"D\x00\x00\x00\x20" + ready, false},
		"a very long body": {"D\xff\xff\xff\xff" + ready, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for size := 1; size <= len(c.sent)+1; size++ {
				var f Frames
				var a Answers
				for rest := c.sent; len(rest) > 0; {
					n := min(size, len(rest))
					f.Follow([]byte(rest[:n]), &a)
					rest = rest[n:]
				}
				if f.Between() != c.between {
					t.Errorf("in pieces of %d: between is %v, want %v", size, f.Between(), c.between)
				}
			}
		})
	}
}

// FuzzPostgresFrames checks that it does not matter how the bytes are cut.
func FuzzPostgresFrames(f *testing.F) {
	seed(f, "server")
	f.Add([]byte("Z\x00\x00\x00\x05IZ"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var whole, pieces Frames
		whole.Follow(b, &Answers{})
		for i := range b {
			pieces.Follow(b[i:i+1], &Answers{})
		}
		if whole.Between() != pieces.Between() || whole.rest != pieces.rest || whole.have != pieces.have {
			t.Fatalf("%+v in one piece, %+v byte by byte", whole, pieces)
		}
	})
}

// BenchmarkFrames measures following a buffer of short rows.
func BenchmarkFrames(b *testing.B) {
	rows := []byte(strings.Repeat("D\x00\x00\x00\x15\x00\x01\x00\x00\x00\x0bhello world", 32<<10/22))
	var f Frames
	b.SetBytes(int64(len(rows)))
	for b.Loop() {
		f.Follow(rows, &Answers{})
	}
}
