package mysql

import (
	"strings"
	"testing"
)

func TestFrames(t *testing.T) {
	t.Parallel()
	ok := "\x03\x00\x00\x01\x00\x00\x00"
	full := "\xff\xff\xff\x00" + strings.Repeat("x", 1<<24-1)
	for name, c := range map[string]struct {
		sent    string
		between bool
	}{
		"nothing":                     {"", true},
		"a packet":                    {ok, true},
		"an empty packet":             {"\x00\x00\x00\x01", true},
		"two":                         {ok + ok, true},
		"half a header":               {ok + ok[:2], false},
		"a header":                    {ok + ok[:4], false},
		"all but one byte":            {ok + ok[:6], false},
		"16 MiB, and more to come":    {full, false},
		"16 MiB and nothing more":     {full + "\x00\x00\x00\x01", true},
		"16 MiB and its rest":         {full + ok, true},
		"16 MiB and half of its rest": {full + ok[:5], false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 2, 3, 5, 1 << 15, 1 << 25} {
				var f Frames
				var a Answers
				for rest := c.sent; len(rest) > 0; {
					n := min(size, len(rest))
					if inside := len(rest) - 64; inside > 0 && len(c.sent)-len(rest) > 64 {
						n = inside // within a long payload all cuts are alike
					}
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

// FuzzMySQLFrames checks that it does not matter how the bytes are cut.
func FuzzMySQLFrames(f *testing.F) {
	seed(f, "server")
	f.Add([]byte("\x03\x00\x00\x01\x00\x00\x00\x01"))
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
