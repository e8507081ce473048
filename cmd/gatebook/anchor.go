package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"gatebook"
	"gatebook/cmd/gatebook/internal/config"
	"gatebook/storage/treehead"
)

// anchorsOf returns the anchors of a configuration.
func anchorsOf(c config.Anchor) (all []gatebook.Anchor) {
	if c.File != "" {
		all = append(all, gatebook.Anchor{
			Name: c.File,
			Keep: func(_ context.Context, signed []byte) error { return treehead.AppendHead(c.File, signed) },
			Kept: func(f func(treehead.Kept) error) error { return keptIn(c.File, f) },
		})
	}
	if c.URL != "" {
		// Redirects are not followed, so that heads go where the configuration says.
		poster := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		all = append(all, gatebook.Anchor{Name: withoutSecrets(c.URL), Keep: func(ctx context.Context, signed []byte) error {
			return postHead(ctx, poster, c.URL, signed)
		}})
	}
	return all
}

// checkAnchorFile returns an error for a file of heads that is in the data folder, also by a link: who can change the log
// can change it too, and the server would write into its own files. A path that cannot be looked at, or a share that
// hangs, holds up nothing: it is reported when a head cannot be kept.
func checkAnchorFile(path, data string) error {
	if path == "" {
		return nil
	}
	found := make(chan error, 1)
	go func() {
		err := outside(path, data)
		if _, unknown := errors.AsType[*os.PathError](err); unknown {
			err = nil
		}
		if err == nil && sameAsIn(path, data, filepath.Join(data, "log")) {
			err = fmt.Errorf("%s is a link to a file of the folder %s; name one elsewhere", path, data)
		}
		found <- err
	}()
	select {
	case err := <-found:
		if err != nil {
			return fmt.Errorf("anchor.file is to keep heads where who can change the log cannot: %w", err)
		}
	case <-time.After(anchorLook):
	}
	return nil
}

// anchorLook is how long is looked at most for the place of the file of heads.
const anchorLook = 5 * time.Second

// sameAsIn reports whether a file is also in one of the folders, as with a hard link.
func sameAsIn(path string, folders ...string) bool {
	own, err := os.Stat(path)
	if err != nil {
		return false
	}
	for _, folder := range folders {
		entries, _ := os.ReadDir(folder) // one that is not there has none
		for _, e := range entries {
			if other, err := e.Info(); err == nil && os.SameFile(own, other) {
				return true
			}
		}
	}
	return false
}

// keptIn calls f with each head that a file keeps. A file that is not there, or has none, keeps none.
func keptIn(path string, f func(treehead.Kept) error) error {
	_, err := treehead.ReadKept(path, math.MaxInt64, f)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, treehead.ErrNoHead) {
		return nil
	}
	return err
}

// postHead posts a signed head.
func postHead(ctx context.Context, poster *http.Client, address string, signed []byte) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(signed))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "text/plain; charset=utf-8")
	q.Header.Set("User-Agent", "gatebook/"+version)
	answer, err := poster.Do(q)
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		err = failed.Err // which does not have the address
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection is used again
	if err := errors.Join(err, answer.Body.Close()); err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("it answers %s", answer.Status)
	}
	return nil
}

// withoutSecrets returns an address without what a query or a login in it may keep secret.
func withoutSecrets(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "url"
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return u.String()
}
