// Auditor verifies a Gatebook server over HTTP. It needs nothing of Gatebook: tlog and note are
// the packages that check Go's own checksum database.
//
//	auditor URL KEY HEAD SEQUENCE
//
// KEY is the verifier key that the auditor was given once. HEAD is the file with the head that
// it kept from its last visit; it is written anew. SEQUENCE is the record that it wants to see.
package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("auditor URL KEY HEAD SEQUENCE")
	}
	sequence, err := strconv.ParseInt(os.Args[4], 10, 64)
	check(err)
	check(audit(os.Args[1], os.Args[2], os.Args[3], sequence))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// audit checks the server's head against the one that was kept, and a record against the head.
func audit(url, key, kept string, sequence int64) error {
	signed, err := get(url + "/log/checkpoint")
	if err != nil {
		return err
	}
	head, err := open(signed, key)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(kept)
	switch {
	case errors.Is(err, os.ErrNotExist):
		fmt.Printf("first visit: %d records\n", head.N)
	case err != nil:
		return err
	default:
		before, err := open(old, key)
		if err != nil {
			return fmt.Errorf("%s: %w", kept, err)
		}
		if before.N > head.N {
			return fmt.Errorf("the log had %d records, and has %d", before.N, head.N)
		}
		if err := consistent(url, before, head); err != nil {
			return fmt.Errorf("the log is not the one that was here: %w", err)
		}
		fmt.Printf("the log is the one that was here: %d records then, %d now\n", before.N, head.N)
	}
	if err := contains(url, head, sequence); err != nil {
		return fmt.Errorf("record %d is not in the log: %w", sequence, err)
	}
	fmt.Printf("record %d is in it\n", sequence)
	return os.WriteFile(kept, signed, 0o600)
}

// open checks the signature of a head.
func open(signed []byte, key string) (tlog.Tree, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tlog.Tree{}, err
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	lines := strings.Split(n.Text, "\n") // origin, size, root
	if len(lines) < 4 || lines[0] != verifier.Name() {
		return tlog.Tree{}, errors.New("the note is no head of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return tlog.Tree{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	return tlog.Tree{N: size, Hash: root}, err
}

// consistent checks that the log begins with what it was before.
func consistent(url string, before, head tlog.Tree) error {
	if before.N == 0 {
		return nil
	}
	var answer struct{ Proof tlog.TreeProof }
	if err := getJSON(fmt.Sprintf("%s/log/proof/consistency?from=%d&to=%d", url, before.N, head.N), &answer); err != nil {
		return err
	}
	return tlog.CheckTree(answer.Proof, head.N, head.Hash, before.N, before.Hash)
}

// contains checks that the log has a record, whose first 8 bytes are its sequence.
func contains(url string, head tlog.Tree, sequence int64) error {
	var record struct{ Leaf []byte }
	if err := getJSON(fmt.Sprintf("%s/log/records/%d", url, sequence), &record); err != nil {
		return err
	}
	if len(record.Leaf) < 8 || binary.BigEndian.Uint64(record.Leaf) != uint64(sequence) {
		return errors.New("the server has sent another record")
	}
	var answer struct{ Proof tlog.RecordProof }
	if err := getJSON(fmt.Sprintf("%s/log/proof/inclusion?sequence=%d&size=%d", url, sequence, head.N), &answer); err != nil {
		return err
	}
	return tlog.CheckRecord(answer.Proof, head.N, head.Hash, sequence-1, tlog.RecordHash(record.Leaf))
}

func getJSON(url string, v any) error {
	body, err := get(url)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}

func get(url string) ([]byte, error) {
	answer, err := http.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, answer.Status, body)
	}
	return body, err
}
