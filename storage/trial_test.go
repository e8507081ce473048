package storage_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gatebook/events"
	"gatebook/storage"
)

// outcome is what became of a damaged log.
type outcome string

const (
	refused  outcome = "refused at open"
	unread   outcome = "error at read"
	harmless outcome = "harmless"
	wrong    outcome = "silently wrong"
)

// trialLog is a log of several segments, as it is now and as it was a commit ago.
type trialLog struct {
	files, older map[string][]byte
	names        []string
	records      []events.Record
}

// newTrialLog creates a log of three sealed segments and one that is written.
func newTrialLog(t testing.TB) *trialLog {
	t.Helper()
	path := segmentPath(t.TempDir())
	l := &trialLog{records: fillSegments(t, path, 2700, 100, 60_000)}
	read := func() map[string][]byte {
		files := make(map[string][]byte)
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(filepath.Dir(path), e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(e.Name(), ".db") {
				b = b[:image(b).used()]
			}
			files[e.Name()] = b
		}
		return files
	}
	l.older = read()
	log, err := storage.OpenBolt(filepath.Dir(path), storage.BoltOptions{SegmentBytes: 60_000})
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(batch []events.Record) error {
		l.records = append(l.records, batch...)
		return nil
	}
	if err := log.Start(uint64(len(l.records)), deliver); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := log.Append(t.Context(), []storage.Entry{{Record: events.Record{Event: &events.SourceSeen{Source: "gateway"}}}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	l.files = read()
	for name := range l.files {
		l.names = append(l.names, name)
	}
	slices.Sort(l.names)
	if len(l.names) < 4 {
		t.Fatalf("the log has the files %q: the test proves little", l.names)
	}
	return l
}

// kinds are the ways in which a file is damaged. Each returns the new content, nil to remove
// the file.
var kinds = []struct {
	name string
	do   func(r *rand.Rand, b, older []byte) []byte
}{
	{"a bit", func(r *rand.Rand, b, _ []byte) []byte { b[r.IntN(len(b))] ^= 1 << r.IntN(8); return b }},
	{"a bit in a page's head", func(r *rand.Rand, b, _ []byte) []byte {
		b[min(r.IntN(len(b))/pageSize*pageSize+r.IntN(80), len(b)-1)] ^= 1 << r.IntN(8)
		return b
	}},
	{"a byte", func(r *rand.Rand, b, _ []byte) []byte { b[r.IntN(len(b))] = byte(r.Uint32()); return b }},
	{"bytes in a row", func(r *rand.Rand, b, _ []byte) []byte {
		at := r.IntN(len(b))
		for i := at; i < min(at+1+r.IntN(600), len(b)); i++ {
			b[i] = byte(r.Uint32())
		}
		return b
	}},
	{"a page zeroed", func(r *rand.Rand, b, _ []byte) []byte { clear(pageOf(r, b)); return b }},
	{"a page doubled", func(r *rand.Rand, b, _ []byte) []byte { copy(pageOf(r, b), bytes.Clone(pageOf(r, b))); return b }},
	{"two pages exchanged", func(r *rand.Rand, b, _ []byte) []byte {
		one, other := pageOf(r, b), pageOf(r, b)
		held := bytes.Clone(one)
		copy(one, other)
		copy(other, held)
		return b
	}},
	{"a stale page", func(r *rand.Rand, b, older []byte) []byte {
		if n := min(len(b), len(older)) / pageSize; n > 0 {
			at := r.IntN(n) * pageSize
			copy(b[at:at+pageSize], older[at:])
		}
		return b
	}},
	{"cut", func(r *rand.Rand, b, _ []byte) []byte { return b[:r.IntN(len(b))] }},
	{"a field of a page", func(r *rand.Rand, b, _ []byte) []byte {
		p := image(pageOf(r, b))
		if len(p) < 80 {
			return b
		}
		switch r.IntN(6) {
		case 0:
			p.put16(10, uint16(r.IntN(200))) // count
		case 1:
			p.put32(12, uint32(r.IntN(40))) // overflow
		case 2:
			p.put16(8, []uint16{flagBranch, flagLeaf, flagFreelist, 4}[r.IntN(4)])
		case 3:
			p.put64(16+16*r.IntN(3)+8, uint64(r.IntN(100))) // a child, or sizes
		case 4:
			p.put64(16+8*r.IntN(6), uint64(r.IntN(100))) // a free page, or an element
		case 5:
			p.put64(0, uint64(r.IntN(100)))
		}
		return b
	}},
	{"a field of a meta page, its checksum right", func(r *rand.Rand, b, _ []byte) []byte {
		if len(b) < 2*pageSize {
			return b
		}
		p := image(b).page(uint64(r.IntN(2)))
		at := []int{metaRoot, metaFreelist, metaHighest, metaTx}[r.IntN(4)]
		p.put64(at, p.u64(at)+uint64(r.IntN(9))-4)
		p.sum()
		return b
	}},
	{"an older copy", func(_ *rand.Rand, _, older []byte) []byte { return bytes.Clone(older) }},
	{"removed", func(*rand.Rand, []byte, []byte) []byte { return nil }},
}

func pageOf(r *rand.Rand, b []byte) []byte {
	at := r.IntN(len(b)) / pageSize * pageSize
	return b[at:min(at+pageSize, len(b))]
}

// damageOne damages one file of the log in a folder.
func (l *trialLog) damageOne(t testing.TB, r *rand.Rand, folder string) (kind, file string) {
	t.Helper()
	k, file := kinds[r.IntN(len(kinds))], l.names[r.IntN(len(l.names))]
	if err := errors.Join(os.RemoveAll(folder), os.Mkdir(folder, 0o700)); err != nil {
		t.Fatal(err)
	}
	for name, content := range l.files {
		if name == file {
			if content = k.do(r, bytes.Clone(content), l.older[name]); content == nil {
				continue
			}
		}
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return k.name, file
}

// use opens the log, reads it whole, appends to it, and opens and reads it again.
func (l *trialLog) use(t testing.TB, folder string) (outcome, error) {
	want := slices.Clone(l.records)
	for range 2 {
		log, err := storage.OpenBolt(folder, storage.BoltOptions{SegmentBytes: 60_000})
		if err != nil {
			return refused, nil //nolint:nilerr // which is right
		}
		var got []events.Record
		err = log.Start(0, func(batch []events.Record) error {
			got = append(got, batch...)
			return nil
		})
		if err != nil {
			return unread, log.Close()
		}
		if !reflect.DeepEqual(got, want) {
			return wrong, errors.Join(fmt.Errorf("%d records are read, %d were acknowledged", len(got), len(want)), log.Close())
		}
		for range 3 {
			if err := log.Append(t.Context(), []storage.Entry{{Record: events.Record{Event: &events.SourceSeen{Source: "gateway"}}}}); err != nil {
				return unread, log.Close()
			}
		}
		if want = got; len(want) < len(l.records)+3 {
			return wrong, errors.Join(errors.New("what was appended was not delivered"), log.Close())
		}
		if err := log.Close(); err != nil {
			return wrong, err
		}
	}
	return harmless, nil
}

// runTrial damages a log many times, and returns how often which kind had which outcome.
func runTrial(t *testing.T, seed uint64, damages int) map[string]map[outcome]int {
	t.Helper()
	l := newTrialLog(t)
	folder := filepath.Join(quickDir(t), "log")
	seen := make(map[string]map[outcome]int)
	for i := range damages {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		kind, file := l.damageOne(t, r, folder)
		became, err := l.use(t, folder)
		if err != nil || became == wrong {
			t.Errorf("seed %d, damage %d, %s of %s: %s: %v", seed, i, kind, file, became, err)
		}
		if seen[kind] == nil {
			seen[kind] = make(map[outcome]int)
		}
		seen[kind][became]++
	}
	return seen
}

// TestTrial damages a log in ways drawn at random. It is refused, or reading it is an error,
// or it has every acknowledged record and no other.
func TestTrial(t *testing.T) {
	t.Parallel()
	all := make(map[outcome]int)
	for _, outcomes := range runTrial(t, 1, 400) {
		for o, n := range outcomes {
			all[o] += n
		}
	}
	if all[refused] == 0 || all[unread] == 0 || all[harmless] == 0 {
		t.Errorf("the outcomes are %v: the test does not reach all", all)
	}
}
