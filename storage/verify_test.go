package storage_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"

	"gatebook/events"
	"gatebook/storage"
)

// TestVerify verifies whole logs, closed and open.
func TestVerify(t *testing.T) {
	t.Parallel()
	folder, segments, records := newChain(t, 5)
	var read, of int64
	v, err := storage.Verify(t.Context(), folder, func(r, all int64) error {
		if r < read || r > all {
			t.Errorf("%d of %d bytes were read, %d before", r, all, read)
		}
		read, of = r, all
		return nil
	})
	if err != nil || len(v.Faults) > 0 || v.Segments != len(segments) || v.Records != uint64(len(records)) || v.Head.Sequence != v.Records || read != of || v.Bytes != of {
		t.Errorf("got %+v and error %v, read %d of %d", v, err, read, of)
	}
	log, err := openSegment(filepath.Join(folder, firstSegment))
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Start(v.Head.Sequence, func([]events.Record) error { return nil }); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := log.Append(t.Context(), []storage.Entry{{Record: events.Record{Event: &events.SourceSeen{}}}}); err != nil {
			t.Fatal(err)
		}
		if v, err = log.Verify(t.Context(), nil); err != nil || len(v.Faults) > 0 || v.Records != log.Head().Sequence {
			t.Errorf("the open log: got %+v and error %v", v, err)
		}
	}
	stop := errors.New("stop")
	if _, err := log.Verify(t.Context(), func(int64, int64) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("stopped: got error %v", err)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}

// TestVerifyFindsDamage damages logs as the other tests do. Verifying them finds a fault, and
// salvaging them copies what is before it.
func TestVerifyFindsDamage(t *testing.T) {
	t.Parallel()
	for _, d := range damages() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			whole := newBase(t)
			path := segmentPath(t.TempDir())
			inflict(t, path, whole, d)
			v, err := storage.Verify(t.Context(), filepath.Dir(path), nil)
			if err == nil && len(v.Faults) == 0 {
				t.Errorf("no fault was found: %+v", v)
			}
			salvage(t, filepath.Dir(path), whole.records)
		})
	}
}

// salvage copies what is whole in a log, which must be the beginning of these records.
func salvage(t *testing.T, folder string, records []events.Record) (copied int) {
	t.Helper()
	to := filepath.Join(t.TempDir(), "log")
	end, fault, err := storage.Salvage(t.Context(), folder, to, nil)
	if err != nil && fault == nil && end.Sequence == 0 {
		return 0 // a file that cannot be read at all
	}
	if fault == nil && !errors.Is(err, events.ErrNewer) {
		t.Errorf("salvaging found no fault; error %v", err)
	}
	if end.Sequence == 0 || err != nil {
		return 0
	}
	got, err := replayed(filepath.Join(to, firstSegment))
	if err != nil || uint64(len(got)) != end.Sequence || !reflect.DeepEqual(got, records[:min(len(got), len(records))]) {
		t.Errorf("%d records were salvaged, with error %v; want %d, the first of those that there were", len(got), err, end.Sequence)
	}
	return len(got)
}

// TestSalvage salvages a chain of segments with a record in the middle that is damaged.
func TestSalvage(t *testing.T) {
	t.Parallel()
	folder, segments, records := newChain(t, 6)
	b, err := os.ReadFile(segments[3])
	if err != nil {
		t.Fatal(err)
	}
	image(b).valueOf(t, 35)[20] ^= 1
	if err := os.WriteFile(segments[3], b, 0o600); err != nil {
		t.Fatal(err)
	}
	v, err := storage.Verify(t.Context(), folder, nil)
	if err != nil || len(v.Faults) != 2 || v.Faults[0].Sequence != 35 || v.Faults[0].File != segments[3] || v.Records != uint64(len(records)) {
		t.Errorf("got %+v and error %v, want a fault at record 35 and one of its segment's hash", v, err)
	}
	if n := salvage(t, folder, records); n != 34 {
		t.Errorf("%d records were salvaged, want 34", n)
	}
}

// TestVerifyFindsForgery rewrites a record together with its checksum, as somebody
// would that wants to change the past. The hash of its segment tells.
func TestVerifyFindsForgery(t *testing.T) {
	t.Parallel()
	folder, segments, _ := newChain(t, 3)
	withBolt(t, segments[1], func(tx *bolt.Tx) error {
		bucket := tx.Bucket([]byte("records"))
		block := bytes.Clone(bucket.Get(recordKey(11)))
		first, rest := cutFirst(block)
		body := slices.Clone(first[1 : len(first)-4])
		forged := events.Seal(body, 11, 0)
		return bucket.Put(recordKey(11), append(append([]byte{byte(len(forged))}, forged...), rest...))
	})
	v, err := storage.Verify(t.Context(), folder, nil)
	if err != nil || len(v.Faults) == 0 {
		t.Errorf("got %+v and error %v, want a fault", v, err)
	}
}

// TestVerifyFlips flips bits anywhere in use. A log that is verified without a fault has the
// records that were written.
func TestVerifyFlips(t *testing.T) {
	t.Parallel()
	whole := newBase(t)
	random := rand.New(rand.NewPCG(7, 7))
	path := segmentPath(quickDir(t))
	for range 60 {
		b := bytes.Clone(whole.file)
		at := random.IntN(len(b))
		b[at] ^= 1 << random.IntN(8)
		writeSegment(t, path, b)
		v, err := storage.Verify(t.Context(), filepath.Dir(path), nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := replayed(path); len(v.Faults) == 0 && (err != nil || !reflect.DeepEqual(got, whole.records)) && uint64(at)/pageSize != image(whole.file).meta() {
			t.Errorf("byte %d of page %d: no fault was found, and the log has %d records, with error %v", at%pageSize, at/pageSize, len(got), err)
		}
	}
}
