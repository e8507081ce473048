package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"gatebook"
	"gatebook/cmd/gatebook/internal/config"
	"gatebook/storage/treehead"
)

// anchorsOf returns the anchors of a configuration.
func anchorsOf(c config.Anchor) (all []gatebook.Anchor) {
	if c.File != "" {
		all = append(all, gatebook.Anchor{Name: c.File, Keep: func(_ context.Context, signed []byte) error { return treehead.AppendHead(c.File, signed) }})
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
