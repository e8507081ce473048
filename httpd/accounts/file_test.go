package accounts_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"gatebook/httpd/accounts"
)

const (
	password = "correct horse"
	another  = "battery staple"
)

// clock is a clock that stands still until a test moves it.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 24, 3, 12, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// newFile returns a file in a folder of the test's, with cheap hashes.
func newFile(t testing.TB, c *clock) accounts.File {
	return accounts.File{Folder: t.TempDir(), By: "root@console", Cost: bcrypt.MinCost, Now: c.Now}
}

// filled returns a file with an account of each role; edge-1 has only a token.
func filled(t testing.TB, c *clock) (f accounts.File, token string) {
	t.Helper()
	f = newFile(t, c)
	check(t, f.Add(t.Context(), "Ann", accounts.Admin, password))
	check(t, f.Add(t.Context(), "bob", accounts.Basic, another))
	check(t, f.Add(t.Context(), "edge-1", accounts.Source, ""))
	return f, newToken(t, f, "edge-1", accounts.NewToken{Name: "token"})
}

// newToken gives an account a token and returns its secret.
func newToken(t testing.TB, f accounts.File, account string, n accounts.NewToken) string {
	t.Helper()
	_, secret, err := f.AddToken(t.Context(), account, n)
	check(t, err)
	return secret
}

func TestListIsInOrderOfNames(t *testing.T) {
	t.Parallel()
	f := newFile(t, newClock())
	none, err := f.List()
	check(t, err)
	if len(none) != 0 {
		t.Errorf("a new folder has %d accounts", len(none))
	}
	for _, name := range []string{"mel", "Zoe", "ann"} {
		check(t, f.Add(t.Context(), name, accounts.Basic, password))
	}
	check(t, f.Remove(t.Context(), "MEL", true))
	all, err := f.List()
	check(t, err)
	var names []string
	for _, a := range all {
		names = append(names, a.Name)
	}
	if !slices.Equal(names, []string{"ann", "Zoe"}) {
		t.Errorf("accounts %v", names)
	}
}

// Only the owner can read the file. It holds no secret, and no other file is left beside it.
func TestFileKeepsNoSecret(t *testing.T) {
	t.Parallel()
	f, token := filled(t, newClock())
	text, err := os.ReadFile(f.Path())
	check(t, err)
	for _, secret := range []string{password, another, token, token[len(token)-10:]} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the file has %q in it", secret)
		}
	}
	info, err := os.Stat(f.Path())
	check(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %o", info.Mode().Perm())
	}
	if _, err := os.Stat(f.Path() + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was written first is still there: %v", err)
	}
}

// A file that an interrupted change has left does not disturb the next change.
func TestInterruptedChange(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	check(t, os.WriteFile(f.Path()+".new", []byte("{"), 0o644))
	check(t, f.Remove(t.Context(), "bob", true))
	all, err := f.List()
	check(t, err)
	if len(all) != 2 {
		t.Errorf("there are %d accounts", len(all))
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	ctx := t.Context()
	long := strings.Repeat("x", 73)
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"there already":      {f.Add(ctx, "ANN", accounts.Basic, password), "there is an account Ann already"},
		"no name":            {f.Add(ctx, "", accounts.Basic, password), "needs a name"},
		"long name":          {f.Add(ctx, long, accounts.Basic, password), "73 bytes, 64 are allowed"},
		"colon":              {f.Add(ctx, "a:b", accounts.Basic, password), `has ':' in it`},
		"first":              {f.Add(ctx, "-a", accounts.Basic, password), `has '-' in it`},
		"reserved":           {f.Add(ctx, "Anonymous", accounts.Basic, password), "reserved"},
		"role":               {f.Add(ctx, "cy", "root", password), `"root" is no role; it can be admin, basic or source`},
		"short password":     {f.Add(ctx, "cy", accounts.Basic, "1234567"), "7 characters; it needs at least 8"},
		"long password":      {f.SetPassword(ctx, "bob", long, true), "73 bytes; at most 72"},
		"control characters": {f.SetPassword(ctx, "bob", "12345678\x1b[A", true), "control characters"},
		"unknown":            {f.SetPassword(ctx, "cy", password, true), "there is no account cy; there are: Ann, bob, edge-1"},
		"unknown to remove":  {f.Remove(ctx, "cy", false), "there is no account cy"},
		"no accounts":        {newFile(t, newClock()).Remove(ctx, "cy", false), "there are none"},
		"no folder":          {accounts.File{Folder: "/nowhere/at/all"}.Remove(ctx, "cy", false), "there is no data folder /nowhere/at/all"},
		"no parent":          {accounts.File{Folder: "/nowhere/at/all"}.Add(ctx, "cy", accounts.Basic, ""), "there is no data folder"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, c.err, c.want)
		}
	}
	all, err := f.List()
	check(t, err)
	if len(all) != 3 {
		t.Errorf("there are %d accounts after all that was refused", len(all))
	}
}

// A damaged file is an error with its cause, never "no accounts".
func TestDamage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damage func(text string) string
		want   string
	}{
		"empty":          {func(string) string { return "" }, "it is empty"},
		"cut":            {func(text string) string { return text[:len(text)/2] }, "cut short"},
		"no JSON":        {func(string) string { return "ann:secret" }, "invalid character"},
		"null":           {func(string) string { return "null" }, "its format is 0"},
		"later format":   {func(text string) string { return strings.Replace(text, `"format":2`, `"format":3`, 1) }, "its format is 3, newer than the format 2 that this program knows; use the version that wrote it"},
		"edited":         {func(text string) string { return strings.Replace(text, `"basic"`, `"admin"`, 1) }, "its checksum is wrong"},
		"something else": {func(text string) string { return strings.Replace(text, `"format"`, `"size":1,"format"`, 1) }, `unknown field "size"`},
		"more after it":  {func(text string) string { return text + "{}" }, "something after its end"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _ := filled(t, newClock())
			text, err := os.ReadFile(f.Path())
			check(t, err)
			check(t, os.WriteFile(f.Path(), []byte(c.damage(string(text))), 0o600))
			_, err = accounts.OpenGate(f)
			damaged, ok := errors.AsType[*accounts.DamagedError](err)
			if !ok || !strings.Contains(err.Error(), c.want) || damaged.Path != filepath.Join(f.Folder, "accounts") {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if err := f.Add(t.Context(), "new", accounts.Admin, password); err == nil {
				t.Error("a damaged file was written over")
			}
		})
	}
}

// A flipped byte anywhere in the file is noticed.
func TestFlippedByte(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	text, err := os.ReadFile(f.Path())
	check(t, err)
	for i := range text[:len(text)-1] {
		flipped := slices.Clone(text)
		flipped[i] ^= 0x01
		check(t, os.WriteFile(f.Path(), flipped, 0o600))
		if all, err := f.List(); err == nil {
			t.Fatalf("byte %d was flipped, and %d accounts were read: %s", i, len(all), flipped)
		}
	}
}

func TestOthersCanReadIt(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	check(t, os.Chmod(f.Path(), 0o640))
	if _, err := f.List(); err == nil || !strings.Contains(err.Error(), "others can read it (mode 0640); say chmod 600 "+f.Path()) {
		t.Errorf("error %v", err)
	}
}

// Concurrent changes all take effect.
func TestChangesAtOnce(t *testing.T) {
	t.Parallel()
	f := newFile(t, newClock())
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			if err := f.Add(t.Context(), fmt.Sprintf("user-%d", i), accounts.Basic, ""); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	list, err := f.List()
	check(t, err)
	if len(list) != 20 {
		t.Errorf("there are %d accounts, want 20", len(list))
	}
}

// Each change is recorded once, in order. One that could not be recorded waits.
func TestRecord(t *testing.T) {
	t.Parallel()
	c := newClock()
	f, _ := filled(t, c)
	at := c.Now()
	c.advance(time.Minute)
	check(t, f.SetPassword(t.Context(), "bob", password, true))
	check(t, f.Remove(t.Context(), "bob", true))

	var got []accounts.Change
	full := errors.New("the disk is full")
	err := f.Record(t.Context(), func(change accounts.Change) error {
		if len(got) == 3 {
			return full
		}
		got = append(got, change)
		return nil
	})
	if !errors.Is(err, full) {
		t.Fatalf("error %v", err)
	}
	take := func(change accounts.Change) error { got = append(got, change); return nil }
	check(t, f.Record(t.Context(), take))
	check(t, f.Record(t.Context(), take))
	by := "root@console"
	want := []accounts.Change{
		{What: "added", Account: "Ann", Role: "admin", By: by, At: at},
		{What: "added", Account: "bob", Role: "basic", By: by, At: at},
		{What: "added", Account: "edge-1", Role: "source", By: by, At: at},
		{What: "token", Account: "edge-1", Role: "source", By: by, At: at},
		{What: "password", Account: "bob", Role: "basic", By: by, At: at.Add(time.Minute)},
		{What: "removed", Account: "bob", Role: "basic", By: by, At: at.Add(time.Minute)},
	}
	if !slices.Equal(got, want) {
		t.Errorf("recorded %+v, want %+v", got, want)
	}
}

func FuzzParse(f *testing.F) {
	file := accounts.File{Folder: f.TempDir(), Cost: bcrypt.MinCost}
	check(f, file.Add(f.Context(), "ann", accounts.Admin, ""))
	text, err := os.ReadFile(file.Path())
	check(f, err)
	f.Add(text)
	f.Add([]byte(`{"format":1}`))
	old, err := os.ReadFile("testdata/format1")
	check(f, err)
	f.Add(old)
	f.Fuzz(func(t *testing.T, text []byte) {
		file := accounts.File{Folder: t.TempDir()}
		check(t, os.WriteFile(file.Path(), text, 0o600))
		if g, err := accounts.OpenGate(file); err == nil && g == nil {
			t.Error("neither a gate nor an error")
		}
	})
}
