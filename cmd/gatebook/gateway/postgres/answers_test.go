package postgres

import (
	"encoding/binary"
	"testing"
)

// types returns messages of those types, without bodies.
func types(list string) []byte {
	var b []byte
	for _, kind := range []byte(list) {
		b = append(b, kind, 0, 0, 0, 4)
	}
	return b
}

// TestAnswers checks what is owed after each step of an exchange, in which the client's
// messages are written as >Q and the server's as <Z, by their types.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, steps := range map[string][]struct {
		what string
		owed bool
	}{
		"query":                   {{">Q", true}, {"<N", true}, {"<TDDC", true}, {"<Z", false}},
		"two queries":             {{">QQ", true}, {"<CZ", true}, {"<CZ", false}},
		"error":                   {{">Q", true}, {"<E", true}, {"<Z", false}},
		"function":                {{">F", true}, {"<VZ", false}},
		"extended":                {{">PBDE", false}, {">S", true}, {"<12TDC", true}, {"<Z", false}},
		"described":               {{">PD", false}, {">H", true}, {"<1t", true}, {"<T", false}, {">S", true}, {"<Z", false}},
		"described, no rows":      {{">PDH", true}, {"<1tn", false}},
		"rows by and by":          {{">PBEH", true}, {"<12DDs", false}, {">EH", true}, {"<DC", false}, {">S", true}, {"<Z", false}},
		"error behind a flush":    {{">PBEH", true}, {"<1E", false}, {">S", true}, {"<Z", false}},
		"pipeline":                {{">PBESPBES", true}, {"<12CZ", true}, {"<12C", true}, {"<Z", false}},
		"flush behind a Sync":     {{">PBESPBEH", true}, {"<12CZ", true}, {"<12", true}, {"<C", false}, {">S", true}, {"<Z", false}},
		"flush behind an error":   {{">PBESPBEH", true}, {"<1EZ", true}, {"<12C", false}},
		"skipped behind an error": {{">PBEH", true}, {"<1E", false}, {">PBEH", false}, {">S", true}, {"<Z", false}, {">PBEH", true}, {"<12C", false}},
		"skipped, then flushed":   {{">PBE", false}, {"<E", false}, {">S", true}, {">PBEH", true}, {"<Z", true}, {"<12C", false}},
		"copy in":                 {{">Q", true}, {"<G", true}, {">ddd", true}, {">c", true}, {"<C", true}, {"<Z", false}},
		"copy in, failing":        {{">Q", true}, {"<G", true}, {">d", true}, {"<E", true}, {"<Z", false}, {">dc", false}},
		"copy in, given up":       {{">Q", true}, {"<G", true}, {">df", true}, {"<EZ", false}},
		"copy out":                {{">Q", true}, {"<Hddd", true}, {"<cC", true}, {"<Z", false}},
		"copy in, flushed":        {{">PBEH", true}, {"<12G", true}, {">dc", true}, {"<C", false}, {">S", true}, {"<Z", false}},
		"copy in, extended":       {{">PBES", true}, {"<12G", true}, {">dS", true}, {">c", false}, {">S", true}, {"<CZ", false}},
		"replication":             {{">Q", true}, {"<W", true}, {"<d", true}, {">d", true}},
		"replication that ends":   {{">Q", true}, {"<W", true}, {">c", true}, {"<cCZ", false}},
		"notification":            {{"<A", false}, {"<S", false}},
		"Terminate":               {{">X", false}},
		"unasked ReadyForQuery":   {{"<Z", false}, {">Q", true}, {"<Z", false}},
		"query behind a describe": {{">PDH", true}, {"<1tT", false}, {">Q", true}, {"<CZ", false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 3, 1000} {
				var a Answers
				var client Follower
				var server Frames
				for i, step := range steps {
					for rest := types(step.what[1:]); len(rest) > 0; {
						piece := rest[:min(size, len(rest))]
						if step.what[0] == '>' {
							client.Follow(piece, &a)
						} else {
							server.Follow(piece, &a)
						}
						rest = rest[len(piece):]
					}
					if a.Owed() != step.owed {
						t.Errorf("in pieces of %d, after step %d, %s: owed is %v", size, i, step.what, a.Owed())
					}
				}
			}
		})
	}
}

// TestUnfinished checks that a message which came in part is not owed an answer yet, and
// takes nothing from what is owed before.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	query := append(binary.BigEndian.AppendUint32([]byte{'Q'}, 10), "SELECT"...)
	var a Answers
	var client Follower
	client.Follow(query[:7], &a)
	if !client.Unfinished() {
		t.Error("half a query is whole")
	}
	client.Follow(query[7:], &a)
	if client.Unfinished() {
		t.Error("a query is not whole")
	}
	client.Follow(query[:7], &a)
	if client.Unfinished() {
		t.Error("half a query hides the one before it")
	}
}

// TestLastWord checks that an error is the server's last word if it ends the session and
// nothing follows but what comes at any time.
func TestLastWord(t *testing.T) {
	t.Parallel()
	fatal := string(AppendError(nil, Error{Severity: "FATAL", Code: "57P01", Message: "the end"}))
	for name, c := range map[string]struct {
		said, want string
	}{
		"FATAL":               {fatal, "57P01: the end"},
		"FATAL and a notice":  {fatal + string(types("N")), "57P01: the end"},
		"FATAL and something": {fatal + string(types("Z")), ""},
		"PANIC":               {string(AppendError(nil, Error{Severity: "PANIC", Code: "XX000", Message: "oh"})), "XX000: oh"},
		"ERROR":               {string(AppendError(nil, Error{Severity: "ERROR", Code: "22012", Message: "division by zero"})), ""},
		"translated":          {"E\x00\x00\x00\x24SFATALEMENT\x00VFATAL\x00C57P01\x00Mfin\x00\x00", "57P01: fin"},
		"cut":                 {fatal[:len(fatal)-3], ""},
	} {
		for size := 1; size <= len(c.said); size++ {
			var a Answers
			var server Frames
			for rest := []byte(c.said); len(rest) > 0; {
				piece := rest[:min(size, len(rest))]
				server.Follow(piece, &a)
				rest = rest[len(piece):]
			}
			got := ""
			if e := a.LastWord(); e != nil {
				got = e.String()
			}
			if got != c.want {
				t.Errorf("%s, in pieces of %d: got %q, want %q", name, size, got, c.want)
			}
		}
	}
}
