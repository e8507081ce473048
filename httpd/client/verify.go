package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Verified is what a verification of the log has found.
type Verified struct {
	// Segments and Records are how many were read, Bytes how many bytes the segments take.
	Segments int    `json:"segments"`
	Records  uint64 `json:"records"`
	Bytes    int64  `json:"bytes"`
	// Head is the sequence of the last record.
	Head   uint64  `json:"head"`
	Faults []Fault `json:"faults"`
	// Claims are the heads that the log was compared with.
	Claims []ClaimedHead `json:"heads,omitempty"`
	// KeyMissing is true where a server would refuse the folder, because it has no key to sign with.
	KeyMissing bool `json:"key_missing,omitempty"`
}

// ClaimedHead is a head that the log was compared with. That the log does not contain it is a fault of
// the log.
type ClaimedHead struct {
	Name string `json:"name"`
	// Size is the number of records that it covers.
	Size uint64 `json:"size"`
	// Unvouched are the records after it that name a key for which the one before does not vouch.
	Unvouched []uint64 `json:"unvouched,omitempty"`
	// Error is why it is no head of the log, "" where it is one.
	Error string `json:"error,omitempty"`
	// Torn is true where its file goes on with what is no whole head.
	Torn bool `json:"torn,omitempty"`
	// Heads is how many heads of the log its file has, each of which the log was compared with, and Others how many of
	// other logs.
	Heads  int `json:"heads,omitempty"`
	Others int `json:"others,omitempty"`
}

// Fault is something in the log that is not as it was written.
type Fault struct {
	File string `json:"file"`
	// Sequence is the damaged record, 0 where the fault is not in one record.
	Sequence uint64 `json:"sequence"`
	Error    string `json:"error"`
}

// Claim is a signed head that a log is compared with, such as one that was kept elsewhere.
type Claim struct {
	// Name is what it is called in faults.
	Name string `json:"name"`
	// Signed is the head as a signed note.
	Signed string `json:"signed"`
}

// Verify has the server read its whole log, compare it with the claimed heads, and calls progress
// with how many bytes it has read, of how many. It needs the control socket ([Options.Socket]).
// A server that says nothing for a while is an [*UnreachableError].
func (c *Client) Verify(ctx context.Context, progress func(read, of int64), claims ...Claim) (*Verified, error) {
	q := request{method: http.MethodPost, path: "/verify"}
	if len(claims) > 0 {
		var err error
		if q, err = object(q.method, q.path, struct {
			Heads []Claim `json:"heads"`
		}{claims}); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(c.options.Silence, func() { cancel(&UnreachableError{Address: c.Address(), Err: c.silent()}) })
	defer watch.Stop()
	answer, err := c.send(ctx, q)
	if err != nil {
		return nil, causeOr(ctx, err)
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, answerLimit)
	for lines.Scan() {
		watch.Reset(c.options.Silence)
		var line struct {
			Read, Of int64
			Found    *Verified
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("the answer to /verify is not what a Gatebook server sends: %w", err)
		}
		if line.Found != nil {
			return line.Found, nil
		}
		progress(line.Read, line.Of)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, errors.Join(errors.New("the server has broken the verification off"), lines.Err())
}
