package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRebuildOfALogThatLostRecords makes book.db again of logs that were rolled back and have no tail: each is refused,
// and book.db stays as it was, as long as the head or book.db says that there were more records.
func TestRebuildOfALogThatLostRecords(t *testing.T) {
	t.Parallel()
	older, data := olderAndNewer(t)
	for _, d := range []damage{rolledBack(older, "log/tail"), rolledBack(older, "log/tail", "head"), rolledBack(older, "log/tail", "book.db")} {
		folder := filepath.Join(t.TempDir(), "copy")
		copyFolder(t, folder, data)
		d.do(t, folder)
		before, _ := os.ReadFile(filepath.Join(folder, "book.db"))
		mustRefuse(t, "book.db is not made again: ", "rebuild", "--data", folder)
		if after, _ := os.ReadFile(filepath.Join(folder, "book.db")); !bytes.Equal(before, after) {
			t.Errorf("%s: book.db is another", d.name)
		}
	}
}

// TestRebuildInPlaceOfAFolder has a folder in the place of book.db: an empty one is replaced, and one with a file is
// refused with the way out.
func TestRebuildInPlaceOfAFolder(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	archive := filepath.Join(data, "book.db")
	must(t, os.Remove(archive), os.Mkdir(archive, 0o700))
	mustRun(t, "rebuild", "--data", data)
	must(t, os.Remove(archive), os.Mkdir(archive, 0o700), os.WriteFile(filepath.Join(archive, "x"), nil, 0o600))
	mustRefuse(t, "move it away", "rebuild", "--data", data)
}

// TestCompactOfADamagedArchive compacts folders whose book.db is empty or garbage: it names rebuild.
func TestCompactOfADamagedArchive(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	for _, content := range []string{"", strings.Repeat("garbage", 3000)} {
		must(t, os.WriteFile(filepath.Join(data, "book.db"), []byte(content), 0o600))
		mustRefuse(t, "gatebook rebuild --data "+data, "compact", "--data", data)
		mustRun(t, "rebuild", "--data", data)
		mustRun(t, "compact", "--data", data)
	}
}
