package mysql

import "testing"

// TestCompressedFollower checks that a goodbye is seen behind the header of a compressed
// packet, however it is cut, and that nothing else is one.
func TestCompressedFollower(t *testing.T) {
	t.Parallel()
	quit := "\x05\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01"
	compressed := "\x08\x00\x00\x00\x40\x00\x00abcdefgh"
	for name, c := range map[string]struct {
		sent string
		want bool
	}{
		"nothing":                  {"", false},
		"goodbye":                  {quit, true},
		"after something":          {compressed + quit, true},
		"before something":         {quit + compressed, false},
		"before half a header":     {quit + compressed[:3], false},
		"twice":                    {quit + quit, true},
		"cut":                      {quit[:11], false},
		"a ping":                   {quit[:11] + "\x0e", false},
		"as short, but compressed": {"\x05\x00\x00\x00\x40\x00\x00\x01\x00\x00\x00\x01", false},
		"an empty packet":          {"\x00\x00\x00\x00\x00\x00\x00" + quit, true},
		"a command as short":       {quit[:11] + "\x0e" + quit, true},
	} {
		for size := 1; size <= len(c.sent)+1; size++ {
			var f CompressedFollower
			for rest := []byte(c.sent); len(rest) > 0; {
				piece := rest[:min(size, len(rest))]
				f.Follow(piece)
				rest = rest[len(piece):]
			}
			if f.Goodbye() != c.want {
				t.Errorf("%s, in pieces of %d: goodbye is %v", name, size, f.Goodbye())
			}
		}
	}
}

// FuzzMySQLCompressed checks that it does not matter how the bytes are cut.
func FuzzMySQLCompressed(f *testing.F) {
	f.Add([]byte("\x05\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var whole, pieces CompressedFollower
		whole.Follow(b)
		for i := range b {
			pieces.Follow(b[i : i+1])
		}
		if whole.goodbye != pieces.goodbye || whole.have != pieces.have || whole.rest != pieces.rest {
			t.Fatalf("%+v in one piece, %+v byte by byte", whole, pieces)
		}
	})
}
