package interchange

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"gatebook/events"
	"gatebook/storage"
	"gatebook/storage/treehead"
)

// Write writes the log of a folder, which no process has open. It returns how many records there
// are.
func Write(ctx context.Context, to io.Writer, folder *storage.Folder, pace storage.Pace) (uint64, error) {
	info, err := storage.DescribeLog(folder.Log())
	if err != nil {
		return 0, err
	}
	first, err := begin(folder, info.ID)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(to, 1<<16)
	lines := json.NewEncoder(w)
	if err := lines.Encode(first); err != nil {
		return 0, err
	}
	var line []byte
	var coder events.Coder
	head, root, err := storage.ReadStored(ctx, folder.Log(), pace, func(sequence uint64, record []byte) (err error) {
		if line, _, err = appendLine(line[:0], &coder, sequence, record); err != nil {
			return err
		}
		_, err = w.Write(append(line, '\n'))
		return err
	})
	if err == nil {
		err = lines.Encode(lastLine{Records: &head.Sequence, Root: hex.EncodeToString(root[:]), Sum: first.exportSum(info.ID, head.Sequence, root)})
	}
	if err == nil {
		err = w.Flush()
	}
	return head.Sequence, err
}

// begin returns the first line for the log of a folder. A log that lacks its first key has none in
// it; its records name it. The head is what the folder has: the caller has checked that the log contains it.
func begin(folder *storage.Folder, id [16]byte) (*firstLine, error) {
	f := &firstLine{Gatebook: format, Log: hex.EncodeToString(id[:])}
	keys, err := storage.KeysOf(folder.Log())
	if err != nil || len(keys.All) == 0 {
		return f, err
	}
	if keys.All[0].From == 0 {
		f.Key = treehead.Verifier(keys.Origin, keys.All[0].Public)
	}
	signed, err := treehead.ReadFile(folder.Head())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the log's head: %w", err)
	}
	if utf8.Valid(signed) {
		f.Head = string(signed)
	}
	return f, nil
}
