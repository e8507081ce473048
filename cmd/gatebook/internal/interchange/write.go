package interchange

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"io"

	"gatebook/events"
	"gatebook/storage"
)

// Write writes the log in a folder, which no process has open. It returns how many records there
// are.
func Write(ctx context.Context, to io.Writer, folder string, pace storage.Pace) (uint64, error) {
	info, err := storage.DescribeLog(folder)
	if err != nil {
		return 0, err
	}
	w := bufio.NewWriterSize(to, 1<<16)
	lines := json.NewEncoder(w)
	if err := lines.Encode(firstLine{Gatebook: format, Log: hex.EncodeToString(info.ID[:])}); err != nil {
		return 0, err
	}
	var line []byte
	var coder events.Coder
	head, root, err := storage.ReadStored(ctx, folder, pace, func(sequence uint64, record []byte) (err error) {
		if line, err = appendLine(line[:0], &coder, sequence, record); err != nil {
			return err
		}
		_, err = w.Write(append(line, '\n'))
		return err
	})
	if err == nil {
		err = lines.Encode(lastLine{Records: &head.Sequence, Root: hex.EncodeToString(root[:]), Sum: exportSum(info.ID, head.Sequence, root)})
	}
	if err == nil {
		err = w.Flush()
	}
	return head.Sequence, err
}
