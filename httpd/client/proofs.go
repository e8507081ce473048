package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// RecordProof proves that a tree contains a record.
type RecordProof struct {
	Sequence uint64 `json:"sequence"`
	// Size is the number of records of the tree.
	Size uint64 `json:"size"`
	// LeafHash is the hash of the record in the tree, in base64.
	LeafHash string           `json:"leaf_hash"`
	Proof    tlog.RecordProof `json:"proof"`
}

// TreeProof proves that a tree begins with a smaller one.
type TreeProof struct {
	From  uint64         `json:"from"`
	To    uint64         `json:"to"`
	Proof tlog.TreeProof `json:"proof"`
}

// StoredRecord is a record as proofs cover it. Its texts are in base64.
type StoredRecord struct {
	Sequence uint64 `json:"sequence"`
	// Leaf is the sequence as 8 bytes, big-endian, and the record's core.
	Leaf string `json:"leaf"`
	// Subject and Actor are the personal parts, each a salt and the fields; nil where they were
	// not asked for, or are not there.
	Subject *string `json:"subject,omitempty"`
	Actor   *string `json:"actor,omitempty"`
}

// Checkpoint returns the newest signed head of the log, as a signed note.
func (c *Client) Checkpoint(ctx context.Context) ([]byte, error) {
	return c.text(ctx, "/log/checkpoint")
}

// VerifierKeys returns the keys that verify heads of the log, the newest first.
func (c *Client) VerifierKeys(ctx context.Context) ([]string, error) {
	text, err := c.text(ctx, "/log/key")
	return strings.Fields(string(text)), err
}

// text returns an answer that is a text.
func (c *Client) text(ctx context.Context, path string) ([]byte, error) {
	answer, err := c.send(ctx, request{method: http.MethodGet, path: path})
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, answerLimit))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return text, nil
}

// ProveRecord returns the proof that so many of the first records contain a record. Size 0 stands
// for those of the newest head.
func (c *Client) ProveRecord(ctx context.Context, sequence, size uint64) (p RecordProof, err error) {
	q := url.Values{"sequence": {strconv.FormatUint(sequence, 10)}}
	if size > 0 {
		q.Set("size", strconv.FormatUint(size, 10))
	}
	_, err = c.get(ctx, "/log/proof/inclusion", q, &p)
	return p, err
}

// ProveTree returns the proof that so many of the first records begin with fewer of them. 0 for
// the larger number stands for that of the newest head.
func (c *Client) ProveTree(ctx context.Context, from, to uint64) (p TreeProof, err error) {
	q := url.Values{"from": {strconv.FormatUint(from, 10)}}
	if to > 0 {
		q.Set("to", strconv.FormatUint(to, 10))
	}
	_, err = c.get(ctx, "/log/proof/consistency", q, &p)
	return p, err
}

// StoredRecord returns a record as proofs cover it, with its personal parts if they are asked for.
func (c *Client) StoredRecord(ctx context.Context, sequence uint64, personal bool) (s StoredRecord, err error) {
	q := url.Values{}
	if personal {
		q.Set("personal", "true")
	}
	_, err = c.get(ctx, "/log/records/"+strconv.FormatUint(sequence, 10), q, &s)
	return s, err
}

// KeyRotation is a record that names another key.
type KeyRotation struct {
	Sequence  uint64 `json:"sequence"`
	Key       string `json:"key"`
	KeyBefore string `json:"key_before"`
	// Endorsement is a signed note in which the key before vouches for the new one, "" where it was
	// lost.
	Endorsement string `json:"endorsement"`
}

// KeyRotations returns the records that name another key, in their order.
func (c *Client) KeyRotations(ctx context.Context) (all []KeyRotation, err error) {
	_, err = c.get(ctx, "/events", url.Values{"kind": {"key_rotated"}}, &all)
	return all, err
}

// RotateKey has the server sign heads of the log with another key, and returns the verifier key.
// It needs the control socket ([Options.Socket]).
func (c *Client) RotateKey(ctx context.Context) (verifier string, err error) {
	answer, err := c.send(ctx, request{method: http.MethodPost, path: "/log/key"})
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, answerLimit))
	return strings.TrimSpace(string(text)), err
}
