package mysql

import (
	"strings"
	"testing"
)

// Packets of an answer, in short.
const (
	okPayload      = "\x00\x00\x00\x02\x00\x00\x00"
	moreOK         = "\x00\x00\x00\x0a\x00\x00\x00"
	eofPayload     = "\xfe\x00\x00\x02\x00"
	moreEOF        = "\xfe\x00\x00\x0a\x00"
	cursorEOF      = "\xfe\x00\x00\x42\x00"
	endOK          = "\xfe\x00\x00\x02\x00\x00\x00"
	moreEndOK      = "\xfe\x00\x00\x0a\x00\x00\x00"
	column         = "\x03def\x00\x00\x00\x01a"
	row            = "\x00"
	failure        = "\xff\x28\x04#42000You have an error"
	progressReport = "\xff\xff\xff\x01\x01\x02\x00\x00\x00\x05stage"
	killed         = "\xff\x87\x07#70100Connection was killed"
)

// said returns packets of a server with those payloads, numbered from 1.
func said(payloads ...string) string {
	var b []byte
	for i, p := range payloads {
		b = append(appendHeader(b, len(p), byte(i+1)), p...)
	}
	return string(b)
}

// asks returns a command of a client.
func asks(payload string) string {
	return string(append(appendHeader(nil, len(payload), 0), payload...))
}

// TestAnswers checks that an answer is over at its last packet and at none before, whatever
// it consists of, and however the bytes are cut.
func TestAnswers(t *testing.T) {
	t.Parallel()
	prepared := "\x00\x01\x00\x00\x00\x01\x00\x02\x00\x00\x00\x00" // one column, two parameters
	for name, c := range map[string]struct {
		common Capabilities
		ask    string
		answer []string
	}{
		"OK":                          {0, "\x03DO 1", []string{okPayload}},
		"error":                       {0, "\x03DO", []string{failure}},
		"rows":                        {0, "\x03SELECT", []string{"\x01", column, eofPayload, row, "\x00\x00\x00\x02\x00\x00\x00", eofPayload}},
		"rows, and EOF is deprecated": {DeprecateEOF, "\x03SELECT", []string{"\x01", column, row, "\x00\x00\x00\x02\x00\x00\x00", endOK}},
		"no rows":                     {DeprecateEOF, "\x03SELECT", []string{"\x01", column, endOK}},
		"error among rows":            {0, "\x03SELECT", []string{"\x01", column, eofPayload, row, failure}},
		"several results":             {0, "\x03CALL", []string{moreOK, "\x01", column, eofPayload, row, moreEOF, okPayload}},
		"several, EOF deprecated":     {DeprecateEOF, "\x03CALL", []string{"\x01", column, row, moreEndOK, okPayload}},
		"error after a result":        {0, "\x03CALL", []string{"\x01", column, eofPayload, row, moreEOF, failure}},
		"progress":                    {0, "\x03ALTER", []string{progressReport, progressReport, okPayload}},
		"prepared":                    {0, "\x16SELECT", []string{prepared, column, column, eofPayload, column, eofPayload}},
		"prepared, EOF deprecated":    {DeprecateEOF, "\x16SELECT", []string{prepared, column, column, column}},
		"prepared, nothing to define": {0, "\x16DO 1", []string{"\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"}},
		"binary rows":                 {0, "\x17", []string{"\x01", column, eofPayload, "\x00\x00\x00\x00\x00\x00\x00\x00", eofPayload}},
		"cursor":                      {0, "\x17", []string{"\x01", column, cursorEOF}},
		"fetch":                       {0, "\x1c", []string{row, row, eofPayload}},
		"fetch of nothing":            {0, "\x1c", []string{eofPayload}},
		"fields of a table":           {0, "\x04t\x00", []string{column, column, eofPayload}},
		"statistics":                  {0, "\x09", []string{"Uptime: 1"}},
		"ping":                        {0, "\x0e", []string{okPayload}},
		"long row":                    {0, "\x03SELECT", []string{"\x01", column, eofPayload, "\xfe" + strings.Repeat("x", 300), eofPayload}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 3, 1000} {
				a := NewAnswers(c.common)
				var client Follower
				var server Frames
				client.Follow([]byte(asks(c.ask)), &a)
				for n := range c.answer {
					if !a.Owed() {
						t.Fatalf("in pieces of %d: nothing is owed after %d packets of %d", size, n, len(c.answer))
					}
					before := len(said(c.answer[:n]...))
					for rest := []byte(said(c.answer[:n+1]...)[before:]); len(rest) > 0; {
						piece := rest[:min(size, len(rest))]
						server.Follow(piece, &a)
						rest = rest[len(piece):]
					}
				}
				if a.Owed() {
					t.Errorf("in pieces of %d: something is owed after all packets: %+v", size, a)
				}
			}
		})
	}
}

// TestAnswersToSeveral checks that commands which a client sends without waiting are each
// owed their own answer, and that what has no answer is owed none.
func TestAnswersToSeveral(t *testing.T) {
	t.Parallel()
	a := NewAnswers(0)
	var client Follower
	var server Frames
	client.Follow([]byte(asks("\x03SELECT")+asks("\x19\x01\x00\x00\x00")+asks("\x0e")), &a)
	server.Follow([]byte(said("\x01", column, eofPayload, row, eofPayload)), &a)
	if !a.Owed() {
		t.Error("the second command is not owed an answer")
	}
	server.Follow([]byte(said(okPayload)), &a)
	if a.Owed() {
		t.Error("something is owed after both answers")
	}
	client.Follow([]byte(asks("\x18\x01\x00\x00\x00\x00\x00abc")), &a)
	if a.Owed() {
		t.Error("an answer is owed to a parameter")
	}
}

// TestAnswersCatchUp checks that an answer whose end was not recognised is over when the
// next one begins.
func TestAnswersCatchUp(t *testing.T) {
	t.Parallel()
	a := NewAnswers(0)
	var client Follower
	var server Frames
	client.Follow([]byte(asks("\x03SELECT")), &a)
	server.Follow([]byte(said("\x01", column, row)), &a) // and no more of it
	client.Follow([]byte(asks("\x0e")), &a)
	server.Follow([]byte(said(okPayload)), &a)
	if a.Owed() {
		t.Errorf("something is owed: %+v", a)
	}
}

// TestAnswersOfStream checks that a stream has no end, and that what a replica sends
// meanwhile is not kept.
func TestAnswersOfStream(t *testing.T) {
	t.Parallel()
	a := NewAnswers(0)
	var client Follower
	var server Frames
	client.Follow([]byte(asks("\x12")), &a)
	for range 300 {
		server.Follow([]byte(said("\x00event")), &a)
		client.Follow([]byte(asks("\xefacknowledged")), &a)
	}
	if !a.Owed() || len(a.pending) != 1 {
		t.Errorf("owed is %v, of %d commands", a.Owed(), len(a.pending))
	}
	server.Follow([]byte(said(failure)), &a)
	if a.Owed() {
		t.Error("a stream that failed goes on")
	}
}

// TestLocalFile checks that the packets of a file are no commands, up to the one that ends
// it.
func TestLocalFile(t *testing.T) {
	t.Parallel()
	a := NewAnswers(0)
	var client Follower
	var server Frames
	client.Follow([]byte(asks("\x03LOAD")), &a)
	server.Follow([]byte(said("\xfbname")), &a)
	for n := range 600 {
		packet := append(appendHeader(nil, 2, byte(n+2)), "\x11\x01"...)
		if got := client.Follow(packet, &a); got != len(packet) || client.Goodbye() || client.Stray() {
			t.Fatalf("packet %d is taken for a command", n)
		}
	}
	client.Follow([]byte("\x00\x00\x00\x5a"), &a)
	if !a.Owed() {
		t.Error("the answer is over before it came")
	}
	server.Follow([]byte(said(okPayload)), &a)
	if a.Owed() {
		t.Error("the answer is not over")
	}
	if client.Follow([]byte("\x01\x00\x00\x00\x01"), &a); !client.Goodbye() {
		t.Error("a goodbye after the file is none")
	}
}

// TestLastWord checks that an error is the server's last word if it ends a connection and
// nothing follows.
func TestLastWord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		said string
		want string
	}{
		"killed":                {said(killed), "1927 (70100): Connection was killed"},
		"an error of a command": {said(failure), ""},
		"progress":              {said(progressReport), ""},
		"something follows":     {said(killed, okPayload), ""},
		"cut":                   {said(killed)[:20], ""},
	} {
		for size := 1; size <= len(c.said); size++ {
			a := NewAnswers(0)
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

// BenchmarkFrames measures following a buffer of short rows.
func BenchmarkFrames(b *testing.B) {
	a := NewAnswers(0)
	var client Follower
	var f Frames
	client.Follow([]byte(asks("\x03SELECT")), &a)
	f.Follow([]byte(said("\x01", column, eofPayload)), &a)
	rows, sequence := []byte(nil), byte(4)
	for len(rows) < 32<<10 {
		rows = append(append(appendHeader(rows, 40, sequence), "\x27"...), strings.Repeat("x", 39)...)
		sequence++
	}
	b.SetBytes(int64(len(rows)))
	for b.Loop() {
		f.Follow(rows, &a)
		a.next = 4
	}
}
