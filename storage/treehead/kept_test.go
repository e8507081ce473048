package treehead_test

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/storage/treehead"
)

// heads returns three signed heads of a log.
func heads(t *testing.T) (all [3]string) {
	t.Helper()
	s := newSigner(t)
	for i := range all {
		signed, err := s.Sign(treehead.Head{Size: uint64(i + 1)})
		if err != nil {
			t.Fatal(err)
		}
		all[i] = string(signed)
	}
	return all
}

// lastKept is the last head of a file, and whether something follows it that is none.
type lastKept struct {
	treehead.Kept
	Torn bool
}

func readLast(path string) (last lastKept, err error) {
	last.Torn, err = treehead.ReadKept(path, math.MaxInt64, func(k treehead.Kept) error {
		last.Kept = k
		return nil
	})
	return last, err
}

// TestTornAppend cuts the append of a head at each of its bytes. The head before it is read, and
// after the next append that one, whatever the cut has left.
func TestTornAppend(t *testing.T) {
	t.Parallel()
	all, path := heads(t), filepath.Join(t.TempDir(), "heads")
	last := func() lastKept {
		t.Helper()
		kept, err := readLast(path)
		if err != nil {
			t.Fatal(err)
		}
		return kept
	}
	whole := all[0] + "\n" + all[1]
	for cut := len(all[0]); cut <= len(whole); cut++ {
		if err := os.WriteFile(path, []byte(whole[:cut]), 0o600); err != nil {
			t.Fatal(err)
		}
		want, torn := all[0], cut > len(all[0])+1
		if cut >= len(whole)-1 { // the last newline alone is missing
			want, torn = all[1], false
		}
		if kept := last(); string(kept.Signed) != want || kept.Torn != torn {
			t.Fatalf("cut at %d it has %q, torn: %v", cut, kept.Signed, kept.Torn)
		}
		if err := treehead.AppendHead(path, []byte(all[2])); err != nil {
			t.Fatal(err)
		}
		if kept := last(); string(kept.Signed) != all[2] || kept.Torn {
			t.Fatalf("after the next append behind a cut at %d it has %q, torn: %v", cut, kept.Signed, kept.Torn)
		}
		if content, err := os.ReadFile(path); err != nil || strings.Contains(string(content), "\n\n\n") {
			t.Fatalf("after a cut at %d the file is %q; %v", cut, content, err)
		}
	}
}

// TestReadKept reads files in which heads are, and such that have none.
func TestReadKept(t *testing.T) {
	t.Parallel()
	all, path := heads(t), filepath.Join(t.TempDir(), "heads")
	for name, c := range map[string]struct {
		content, want string
		torn          bool
	}{
		"one":                       {all[0], all[0], false},
		"no newline at the end":     {all[0] + "\n" + all[1][:len(all[1])-1], all[1], false},
		"three":                     {all[0] + "\n" + all[1] + "\n" + all[2], all[2], false},
		"empty lines around":        {"\n\n" + all[0] + "\n\n\n" + all[1] + "\n\n\n", all[1], false},
		"lines of Windows":          {strings.ReplaceAll(all[0]+"\n"+all[1], "\n", "\r\n"), all[1], false},
		"mark of an editor":         {"\ufeff" + all[0], all[0], false},
		"another text behind":       {all[0] + "\njunk\n", all[0], true},
		"two torn ones behind":      {all[0] + "\n" + all[1][:40] + "\n\n" + all[2][:len(all[2])-9] + "\n", all[0], true},
		"longer than what is read":  {strings.Repeat(all[0]+"\n", 500) + all[1], all[1], false},
		"empty":                     {"", "", false},
		"no head":                   {"junk\n", "", false},
		"another line at the head":  {all[0] + "junk\n", all[0], true},
		"none between":              {all[0] + all[1] + all[2], all[2], false},
		"one in a torn one":         {all[0] + all[1][:60] + all[2], all[2], false},
		"behind a torn signature":   {all[0] + all[1][:len(all[1])-30] + all[2], all[2], false},
		"torn, none between":        {all[0] + all[1] + all[2][:len(all[2])-30], all[1], true},
		"half":                      {all[0][:len(all[0])/2], "", false},
		"a signature that is short": {all[0][:len(all[0])-9] + "\n", "", false},
	} {
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		kept, err := readLast(path)
		if string(kept.Signed) != c.want || kept.Torn != c.torn || (err == nil) != (c.want != "") {
			t.Errorf("%s: it has %q, torn: %v; %v", name, kept.Signed, kept.Torn, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), path) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := readLast(path + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("of no file: %v", err)
	}
	if kept, err := readLast(os.DevNull); err == nil {
		t.Errorf("of an empty device: %+v", kept)
	}
	if err := treehead.AppendHead(os.DevNull, []byte(all[0])); err == nil {
		t.Error("a device keeps heads")
	}
}

// TestReadAllKept reads a long file in which heads of two logs are, with parts of heads and other texts between them: all
// that are whole are read, in their order, each with its line.
func TestReadAllKept(t *testing.T) {
	t.Parallel()
	a, b, path := heads(t), heads(t), filepath.Join(t.TempDir(), "heads")
	var content strings.Builder
	var want []string
	for i := range 2_000 {
		for _, signed := range []string{a[i%3], b[i%2]} {
			content.WriteString(signed)
			want = append(want, signed)
		}
		switch i % 5 {
		case 1:
			content.WriteString("\n")
		case 2:
			content.WriteString(a[0][:len(a[0])-20] + "\n\n")
		case 3:
			content.WriteString(strings.Repeat("junk ", 30_000) + "\n")
		case 4:
			content.WriteString(strings.Repeat("\n", 300))
		}
	}
	if err := os.WriteFile(path, []byte(content.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(content.String(), "\n")
	n := 0
	torn, err := treehead.ReadKept(path, math.MaxInt64, func(k treehead.Kept) error {
		if n < len(want) && string(k.Signed) != want[n] {
			t.Fatalf("head %d is %q, want %q", n, k.Signed, want[n])
		}
		if n++; !strings.HasSuffix(string(k.Signed), lines[k.Line-1]+"\n") || k.Origin+"\n" != string(k.Signed[:len(k.Origin)+1]) || k.Head.Size == 0 {
			t.Fatalf("head %d is %+v", n, k)
		}
		return nil
	})
	if err != nil || torn || n != len(want) {
		t.Errorf("%d heads, torn: %v; %v; want %d", n, torn, err, len(want))
	}
	stop := errors.New("stop")
	if _, err := treehead.ReadKept(path, math.MaxInt64, func(treehead.Kept) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("it ends with %v", err)
	}
}
