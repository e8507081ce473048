package mysql

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"gatebook/cmd/gatebook/gateway/names"
	"gatebook/cmd/gatebook/internal/servertest"
)

// TestCollations compares every character of every collation that a client can name with what a
// real server makes of it. A byte without a meaning is escaped.
func TestCollations(t *testing.T) {
	t.Parallel()
	server := servertest.StartMariaDB(t)
	collations, err := server.Query("SELECT id, character_set_name FROM information_schema.collations WHERE id < 256")
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]string)
	for _, row := range collations {
		var id Collation
		if _, err := fmt.Sscan(row[0], &id); err != nil {
			t.Fatal(err)
		}
		name := row[1]
		table, in := id.encoding()
		got, before := fmt.Sprintf("%v %v", table, in), known[name]
		switch known[name] = got; {
		case before == "" && table != nil:
			checkCharset(t, server, name, id)
		case before != "" && before != got:
			t.Errorf("collation %d of %s is taken for %s, others for %s", id, name, got, before)
		}
	}
	for _, name := range []string{"utf8mb3", "utf8mb4", "binary", "ucs2", "utf16", "utf32"} {
		if !strings.HasSuffix(known[name], "false") {
			t.Errorf("%s is taken for %s", name, known[name])
		}
	}
	for _, name := range []string{"latin1", "cp1251", "koi8r", "sjis", "gbk", "big5", "euckr", "ascii", "dec8"} {
		if !strings.HasSuffix(known[name], "true") {
			t.Errorf("%s is not known", name)
		}
	}
}

// checkCharset compares characters of one byte with what the server makes of them.
func checkCharset(t *testing.T, server *servertest.Server, name string, id Collation) {
	t.Helper()
	const first = 0x80
	var expressions []string
	for c := first; c < 0x100; c++ {
		expressions = append(expressions, fmt.Sprintf("HEX(CONVERT(CONVERT(x'%02X' USING %s) USING utf8mb4))", c, name))
	}
	rows, err := server.Query("SELECT " + strings.Join(expressions, ","))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	differ := 0
	for i, digits := range rows[0] {
		raw := []byte{byte(first + i)}
		b, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		if r, _ := utf8.DecodeRune(b); len(b) == 0 || string(b) == "?" || r == utf8.RuneError || unicode.IsControl(r) {
			continue // it means nothing to the server, or begins a character of several bytes
		}
		if got, want := id.Text(raw), names.Plain(string(b)); got != want {
			differ++
			t.Logf("%s (%d), byte %#x: got %q, the server has %q", name, id, raw, got, b)
		}
	}
	if differ > 3 { // tables differ about rare signs, such as that of the euro
		t.Errorf("%s (%d): %d bytes differ", name, id, differ)
	}
}

// TestCollationText checks texts of several character sets.
func TestCollationText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		collation Collation
		raw, want string
	}{
		{45, "m\u00fcller", "m\u00fcller"},
		{45, "m\xfcller", `m\xfcller`},
		{0, "m\xfcller", `m\xfcller`},
		{8, "m\xfcller", "m\u00fcller"},
		{8, "\x80uro", "\u20acuro"},
		{8, `m\xfcller`, `m\x5cxfcller`},
		{51, "\xe8\xe2\xe0\xed", "\u0438\u0432\u0430\u043d"},
		{13, "\x8e\x52\x93\x63", "\u5c71\u7530"},
		{28, "\xcd\xf5", "\u738b"},
		{28, "\xff", `\xff`},
		{3, "m\xfcller", `m\xfcller`},
		{11, "m\xfcller", `m\xfcller`},
	} {
		if got := c.collation.Text([]byte(c.raw)); got != c.want {
			t.Errorf("collation %d, %q: got %q, want %q", c.collation, c.raw, got, c.want)
		}
	}
}
