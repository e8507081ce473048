package client

import (
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Backup asks for a copy of the log as of now, from the segment on that begins at a record, with
// the hash of the seal of the segment before. The caller closes the stream.
func (c *Client) Backup(ctx context.Context, from uint64, seal [32]byte, secrets bool) (io.ReadCloser, error) {
	q := url.Values{"secrets": {strconv.FormatBool(secrets)}}
	if from > 1 {
		q.Set("from", strconv.FormatUint(from, 10))
		q.Set("seal", hex.EncodeToString(seal[:]))
	}
	answer, err := c.send(ctx, request{method: http.MethodGet, path: "/backup", query: q})
	if err != nil {
		return nil, err
	}
	return answer.Body, nil
}

// CheckBackup returns an error where a server could not send a backup as it is now. A server of an earlier
// version has none.
func (c *Client) CheckBackup(ctx context.Context, secrets bool) error {
	q := url.Values{"secrets": {strconv.FormatBool(secrets)}}
	answer, err := c.send(ctx, request{method: http.MethodHead, path: "/backup", query: q})
	if err != nil {
		return err
	}
	return answer.Body.Close()
}
