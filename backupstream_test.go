package gatebook_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatebook"
	"gatebook/events"
	"gatebook/storage"
	"gatebook/storage/treehead"
)

// exchange returns the stream of a backup in which a file has another content, nil for none.
func exchange(t *testing.T, stream []byte, name string, content []byte) io.Reader {
	t.Helper()
	var b bytes.Buffer
	from, to := tar.NewReader(bytes.NewReader(stream)), tar.NewWriter(&b)
	for {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			check(t, to.Close())
			return &b
		}
		check(t, err)
		own, err := io.ReadAll(from)
		check(t, err)
		if h.Name == name {
			own, h.Size = content, int64(len(content))
		}
		check(t, to.WriteHeader(h))
		_, err = to.Write(own)
		check(t, err)
	}
}

// TestBackupChecksWhatIsSent receives backups whose key, head or accounts were changed on the way: each is
// refused, and the files of the backup before stay as they are.
func TestBackupChecksWhatIsSent(t *testing.T) {
	t.Parallel()
	begin := func() (*gatebook.Registry, string, []byte) {
		folder := filepath.Join(t.TempDir(), "data")
		registry, err := gatebook.Open(t.Context(), folder, gatebook.Options{})
		check(t, err)
		t.Cleanup(func() { check(t, registry.Close()) })
		source, err := registry.StartSource(t.Context(), gatebook.SourceOptions{Name: "gateway"})
		check(t, err)
		_, err = source.Open(t.Context(), events.SessionOpened{Service: "orders", Address: "192.0.2.7", Port: 1})
		check(t, err)
		check(t, os.WriteFile(filepath.Join(folder, "accounts"), []byte("whole"), 0o600))
		var b bytes.Buffer
		_, err = registry.Backup(t.Context(), &b, gatebook.BackupOptions{From: 1, Secrets: true})
		check(t, err)
		return registry, folder, b.Bytes()
	}
	_, folder, stream := begin()
	_, other, _ := begin()
	dir := filepath.Join(t.TempDir(), "backup")
	receive := func(from io.Reader) error {
		b, err := storage.OpenBackup(t.Context(), dir, "", nil)
		check(t, err)
		b.Accounts = func(content []byte) error {
			if string(content) == "damaged" {
				return errors.New("they are damaged")
			}
			return nil
		}
		_, err = b.Receive(from)
		return errors.Join(err, b.Close())
	}
	check(t, receive(bytes.NewReader(stream)))
	files := func() (all string) {
		for _, name := range []string{"backup.json", "key", "head", "accounts", "log/backup.json", "log/tail", "log/00000000000000000001.db"} {
			b, err := os.ReadFile(filepath.Join(dir, name))
			check(t, err)
			all += name + string(b)
		}
		return all
	}
	before := files()
	for name, want := range map[string]string{"key": "its key is that of", "head": "not a key of"} {
		foreign, err := os.ReadFile(filepath.Join(other, name))
		check(t, err)
		for _, c := range []struct {
			content []byte
			want    string
		}{{nil, ""}, {foreign, want}} {
			err := receive(exchange(t, stream, name, c.content))
			if side, ok := errors.AsType[*storage.SideFileError](err); !ok || side.File != name || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s with %d bytes: got %v", name, len(c.content), err)
			}
		}
	}
	if err := receive(exchange(t, stream, "accounts", []byte("damaged"))); err == nil || !strings.Contains(err.Error(), "accounts cannot be backed up: they are damaged") {
		t.Errorf("damaged accounts: got %v", err)
	}
	// The key of this log has signed a head of another history, or of a later moment.
	private, err := os.ReadFile(filepath.Join(folder, "key"))
	check(t, err)
	log, err := storage.DescribeLog(filepath.Join(dir, "log"))
	check(t, err)
	signer, err := treehead.ParseSigner(treehead.Origin(log.ID), private)
	check(t, err)
	for size, want := range map[uint64]string{1: "for 1 other records", log.Head.Sequence: "other records", log.Head.Sequence + 1: "and the log ends at"} {
		head, err := signer.Sign(treehead.Head{Size: size})
		check(t, err)
		if err := receive(exchange(t, stream, "head", head)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a head of %d records: got %v", size, err)
		}
	}
	if files() != before {
		t.Error("the backup has changed")
	}
	check(t, receive(bytes.NewReader(stream)))
}
