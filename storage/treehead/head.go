package treehead

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Head is the size of a tree and its root.
type Head struct {
	Size uint64
	Root tlog.Hash
}

// Origin returns the origin of the heads of the log with that identity.
func Origin(id [16]byte) string { return "gatebook/" + hex.EncodeToString(id[:]) }

// text returns the text that is signed.
func (h Head) text(origin string) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, h.Size, h.Root)
}

// parse parses the text of a head. Lines after the third are left to later versions.
func parse(text string) (origin string, h Head, err error) {
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 {
		return "", h, fmt.Errorf("a head has three lines, this has %d", len(lines)-1)
	}
	if h.Size, err = strconv.ParseUint(lines[1], 10, 63); err != nil || strconv.FormatUint(h.Size, 10) != lines[1] {
		return "", h, fmt.Errorf("the size of a head is a number, not %q", lines[1])
	}
	if h.Root, err = tlog.ParseHash(lines[2]); err != nil {
		return "", h, fmt.Errorf("the root of a head is a hash in base64, not %q", lines[2])
	}
	return lines[0], h, nil
}
