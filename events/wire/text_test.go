package wire_test

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"

	"pgregory.net/rapid"

	"gatebook/events/wire"
)

func TestCleanText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"clean", "jdoe", "jdoe"},
		{"at the limit", strings.Repeat("a", 16), strings.Repeat("a", 16)},
		{"over the limit by one", strings.Repeat("a", 17), strings.Repeat("a", 13) + "…"},
		{"cut before a rune, not in it", "aaaaaaaaaaaaéééé", "aaaaaaaaaaaa…"},
		{"rune that just fits", "aaaaaaaaaaaéééé", "aaaaaaaaaaaé…"},
		{"long runes", strings.Repeat("🚪", 5), "🚪🚪🚪…"},
		{"invalid byte", "a\xffb", "a\uFFFDb"},
		{"run of invalid bytes becomes one mark", "a\xff\xfe\xfdb", "a\uFFFDb"},
		{"surrogate", "a\xed\xa0\x80b", "a\uFFFDb"},
		{"overlong slash", "a\xc0\xafb", "a\uFFFDb"},
		{"half a rune at the end", "a\xc3", "a\uFFFD"},
		{"invalid and too long", strings.Repeat("\xffa", 16), "\uFFFDa\uFFFDa\uFFFDa…"},
		{"what follows a long run of invalid bytes is kept", strings.Repeat("\xff", 1000) + "b", "\uFFFDb"},
		{"what follows it is cut with a mark", strings.Repeat("\xff", 1000) + strings.Repeat("b", 14), "\uFFFDbbbbbbbbbb…"},
		{"replacement character that was there", "\uFFFD\uFFFD", "\uFFFD\uFFFD"},
		{"NUL is a character", "a\x00b", "a\x00b"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := wire.CleanText(c.in, 16); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestCleanTextHoldsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := dirty().Draw(t, "in")
		limit := rapid.IntRange(3, 40).Draw(t, "limit")
		got := wire.CleanText(in, limit)
		if !utf8.ValidString(got) {
			t.Fatalf("%q became %q, which is no UTF-8", in, got)
		}
		if len(got) > limit {
			t.Fatalf("%q became %q, which has %d bytes, more than %d", in, got, len(got), limit)
		}
		if again := wire.CleanText(got, limit); again != got {
			t.Fatalf("%q became %q and then %q", in, got, again)
		}
		// The expected text, made in a simple way.
		whole := strings.ToValidUTF8(in, "\uFFFD")
		if len(whole) <= limit {
			if got != whole {
				t.Fatalf("%q became %q, want %q", in, got, whole)
			}
			return
		}
		head, marked := strings.CutSuffix(got, "…")
		if !marked || !strings.HasPrefix(whole, head) {
			t.Fatalf("%q became %q, which is not the beginning of %q and a mark", in, got, whole)
		}
		if _, size := utf8.DecodeRuneInString(whole[len(head):]); len(head)+size+len("…") <= limit {
			t.Fatalf("%q became %q, although the next rune fits in %d bytes", in, got, limit)
		}
	})
}

// dirty draws texts with runs of invalid bytes, some of them long.
func dirty() *rapid.Generator[string] {
	piece := rapid.OneOf(
		rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.IntRange(1, 500), func(n int) string { return strings.Repeat("\xff", n) }),
		rapid.SampledFrom([]string{"é", "🚪", "…", "\uFFFD", "\xc3", "\xf0\x9f"}))
	return rapid.Map(rapid.SliceOfN(piece, 0, 6), func(s []string) string { return strings.Join(s, "") })
}

// TestCleanTextCopiesLittle cleans a long text, which must not be copied completely. It
// is not parallel, because it counts allocations.
func TestCleanTextCopiesLittle(t *testing.T) {
	hostile := strings.Repeat("\xffa", 1<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	wire.CleanText(hostile, wire.TextLimit)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<16 {
		t.Errorf("cleaning a text of 2 MiB allocated %d bytes", n)
	}
}

// TestClean cleans a message. Each text is cleaned to its limit, and nothing else
// changes.
func TestClean(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 1000)
	cut := func(limit int) string { return wire.CleanText(long, limit) }
	m := message{
		U64: 1, I64: -1, Yes: true, Opaque: "\xff" + long, Text: long, Long: long, Texts: []string{"a", long},
		Nested: part{Text: long}, Parts: []part{{N: 1, Texts: []string{long}}},
	}
	want := message{
		U64: 1, I64: -1, Yes: true, Opaque: "\xff" + long, Text: cut(256), Long: cut(1024), Texts: []string{"a", cut(256)},
		Nested: part{Text: cut(256)}, Parts: []part{{N: 1, Texts: []string{cut(256)}}},
	}
	wire.Clean(&m)
	if !reflect.DeepEqual(m, want) {
		t.Errorf("got %+v, want %+v", m, want)
	}
}

func TestStringsShare(t *testing.T) {
	t.Parallel()
	var shared wire.Strings
	same := func(a, b string) bool { return unsafe.StringData(a) == unsafe.StringData(b) }

	input := []byte("orders")
	first := shared.Text(input)
	if second := shared.Text([]byte("orders")); !same(first, second) {
		t.Error("two equal texts were not shared")
	}
	copy(input, "XXXXXX")
	if first != "orders" {
		t.Errorf("the text changed with the input it came from: %q", first)
	}
	long := []byte(strings.Repeat("a", 65))
	if same(shared.Text(long), shared.Text(long)) {
		t.Error("a text too long to be a name was kept")
	}
	var none *wire.Strings
	if got := none.Text([]byte("a")); got != "a" {
		t.Errorf("without sharing: got %q, want %q", got, "a")
	}
}

// TestStringsAreBounded shares many texts, of which few are kept.
func TestStringsAreBounded(t *testing.T) {
	t.Parallel()
	var shared wire.Strings
	name := func(i int) []byte { return fmt.Appendf(nil, "name %d", i) }
	first := shared.Text(name(0))
	const many = 1<<16 + 1
	for i := range many {
		if got := shared.Text(name(i)); got != string(name(i)) {
			t.Fatalf("got %q, want %q", got, name(i))
		}
	}
	if unsafe.StringData(first) == unsafe.StringData(shared.Text(name(0))) {
		t.Errorf("the first of %d texts is still held", many)
	}
}
