package config

import (
	"fmt"
	"net/url"
)

// Anchor is where signed heads of the log are kept besides the data folder.
type Anchor struct {
	// File is a file that each is appended to, URL an address that each is posted to.
	File string `toml:"file"`
	URL  string `toml:"url"`
}

// check returns what is wrong.
func (a Anchor) check() error {
	if a.URL == "" {
		return nil
	}
	if u, err := url.Parse(a.URL); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("anchor.url is %q, it is an http:// or https:// address", a.URL)
	}
	return nil
}
