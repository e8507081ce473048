package gatebook_test

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"gatebook"
	"gatebook/events"
)

// released has a folder for each version that was released: data.tar.gz is a data folder that
// the version left when it was killed, records.txt.gz what its log
// has.
var released = filepath.Join("testdata", "released")

// TestReleasedVersions opens a data folder of every released version. It has the records that it
// had then, the last of them is in the tree under the root that the tree had then, and it goes on.
func TestReleasedVersions(t *testing.T) {
	t.Parallel()
	versions, err := os.ReadDir(released)
	if err != nil || len(versions) == 0 {
		t.Fatal("there is no released version", err)
	}
	for _, v := range versions {
		t.Run(v.Name(), func(t *testing.T) {
			t.Parallel()
			folder := filepath.Join(t.TempDir(), "data")
			untar(t, filepath.Join(released, v.Name(), "data.tar.gz"), folder)
			path := filepath.Join(t.TempDir(), "records.txt")
			unpack(t, filepath.Join(released, v.Name(), "records.txt.gz"), path)
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if found := verifies(t, folder); len(found.Faults) > 0 {
				t.Errorf("verify: %+v", found.Faults)
			}
			for range 2 {
				r := open(t, folder)
				if got := recordsOf(t, r, uint64(strings.Count(string(want), "\n")-1)); got != string(want) {
					t.Errorf("its records are\n%swant\n%s", got, want)
				}
				openSession(t, start(t, r, "gateway"))
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
			}
			if found := verifies(t, folder); len(found.Faults) > 0 {
				t.Errorf("verify afterwards: %+v", found.Faults)
			}
		})
	}
}

// recordsOf returns the first n records of a log, a line each, and the root of the tree over them.
func recordsOf(t *testing.T, r *gatebook.Registry, n uint64) string {
	t.Helper()
	var b strings.Builder
	for record, err := range r.Events(0, gatebook.EventFilter{}) {
		if err != nil {
			t.Fatal(err)
		}
		event, err := json.Marshal(record.Event)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%d %d %d %d %s %s\n", record.Sequence, record.Recorded, record.Occurred, record.Session, record.Event.Kind(), event)
		if record.Sequence == n {
			break
		}
	}
	eventually(t, "a head of the records", func() bool {
		status, err := r.Heads()
		return err == nil && status.Head.Size >= n
	})
	leaves := make([]tlog.Hash, n)
	for i := range leaves {
		s, err := r.StoredRecord(uint64(i) + 1)
		if err != nil {
			t.Fatal(err)
		}
		leaves[i] = tlog.RecordHash(s.Leaf)
	}
	root := rootOf(t, leaves)
	proof, err := r.ProveTree(n, 0)
	if err != nil {
		t.Fatal(err)
	}
	status, err := r.Heads()
	if err != nil {
		t.Fatal(err)
	}
	if proof.To == status.Head.Size {
		if err := tlog.CheckTree(proof.Proof, int64(proof.To), status.Head.Root, int64(n), root); err != nil {
			t.Error(err)
		}
	}
	fmt.Fprintf(&b, "root of %d: %s\n", n, root)
	return b.String()
}

// TestMakeReleased makes the folder of a version that is released: the version is in the
// environment (make fixture). Without it nothing is to be made.
func TestMakeReleased(t *testing.T) {
	version := os.Getenv("GATEBOOK_FIXTURE")
	if version == "" {
		return
	}
	to, folder := filepath.Join(released, version), filepath.Join(t.TempDir(), "data")
	if err := os.Mkdir(to, 0o750); err != nil { // it is never made again
		t.Fatal(err)
	}
	r, records := workOfRelease(t, folder)
	f, err := os.Create(filepath.Join(to, "records.txt.gz"))
	ok(t, err)
	z := gzip.NewWriter(f)
	_, err = io.WriteString(z, records)
	ok(t, err, z.Close(), f.Close())
	tarOf(t, folder, filepath.Join(to, "data.tar.gz")) // as kill -9 leaves it
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// workOfRelease makes a book of all that there is: several segments, sessions of both kinds of
// sources in every state, declarations, kills, accounts, a second key, a restore.
func workOfRelease(t *testing.T, folder string) (r *gatebook.Registry, records string) {
	t.Helper()
	ctx, original, copied := t.Context(), filepath.Join(t.TempDir(), "original"), filepath.Join(t.TempDir(), "backup")
	o := gatebook.Options{SegmentBytes: 48 << 10, ScrubPeriod: -1}
	r, err := gatebook.Open(ctx, original, o)
	if err != nil {
		t.Fatal(err)
	}
	everything(t, r)
	if _, err := r.RotateKey(ctx, "dba"); err != nil {
		t.Fatal(err)
	}
	backUp(t, r, copied)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := gatebook.Restore(ctx, copied, folder, gatebook.RestoreOptions{By: "dba", Options: o}); err != nil {
		t.Fatal(err)
	}
	if r, err = gatebook.Open(ctx, folder, o); err != nil {
		t.Fatal(err)
	}
	everything(t, r)
	return r, recordsOf(t, r, r.Moment().Sequence)
}

// everything records sessions and what else there is.
func everything(t *testing.T, r *gatebook.Registry) {
	t.Helper()
	ctx := t.Context()
	s := start(t, r, "gateway")
	for i := range 100 {
		id := openSession(t, s)
		ok(t, s.Record(ctx, id, &events.ConnectionOpened{Connection: 1, Server: "db-1"},
			&events.SessionReady{User: fmt.Sprint("user", i%7), Database: "shop", Program: strings.Repeat("p", i%300)}))
		switch i % 5 {
		case 0:
			ok(t, s.Record(ctx, id, &events.SessionClosed{Reason: events.ReasonClientClosed}))
		case 1:
			ok(t, s.Record(ctx, id, &events.LoginFailed{User: "mallory", Description: "Access denied"}))
		case 2:
			ok(t, r.ScheduleKill(ctx, id, time.Now().Add(time.Hour), gatebook.Request{By: "dba", Why: "maintenance"}))
		case 3:
			ok(t, r.ScheduleKill(ctx, id, time.Now().Add(time.Hour), gatebook.Request{By: "dba"}))
			ok(t, r.WithdrawKill(ctx, id, gatebook.Request{By: "dba"}))
		}
		key := fmt.Sprint("c-", r.Moment().Sequence)
		list := []gatebook.Reported{opened(key), {Key: key, Event: &events.SessionReady{User: "jdoe"}}}
		if i%2 == 0 {
			list = append(list, gatebook.Reported{Key: key, Event: &events.SessionClosed{Reason: events.ReasonServerClosed}})
		}
		_, err := r.Report(ctx, gatebook.Report{Source: "edge", Incarnation: "1", Lease: time.Hour, Events: list})
		ok(t, err)
	}
	ok(t, r.RecordAccountChange(ctx, time.Now(), events.AccountChanged{Change: "added", Role: "basic", Account: "ann", By: "dba"}))
}

// tarOf packs a folder.
func tarOf(t *testing.T, folder, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	if err := errors.Join(w.AddFS(os.DirFS(folder)), w.Close(), z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
}

// untar unpacks a folder.
func untar(t *testing.T, path, folder string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil && h.FileInfo().IsDir() {
			continue
		}
		var content []byte
		if err == nil {
			content, err = io.ReadAll(r)
		}
		to := filepath.Join(folder, filepath.FromSlash(h.Name))
		if err == nil {
			err = os.MkdirAll(filepath.Dir(to), 0o700)
		}
		if err == nil {
			err = os.WriteFile(to, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
