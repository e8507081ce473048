package web

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
)

//go:embed index.html app/*.js views/*.js components/*.js style/*.css style/*.svg
var files embed.FS

// Index is the path of the page itself.
const Index = "index.html"

// Policy is the page's Content-Security-Policy. It allows no inline code and no other host, and
// no text can become markup or code (Trusted Types).
const Policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// Asset is a file of the page.
type Asset struct {
	Content []byte
	// Type is the media type, without parameters.
	Type string
	// Tag changes with the content.
	Tag string
}

// Assets returns the files of the page by their path below this folder.
func Assets() (map[string]Asset, error) {
	all := make(map[string]Asset)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		media := typeOf(name)
		if media == "" {
			return fmt.Errorf("%s has no media type", name)
		}
		sum := sha256.Sum256(content)
		all[name] = Asset{Content: content, Type: media, Tag: hex.EncodeToString(sum[:8])}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the web page: %w", err)
	}
	return all, nil
}

// Types returns the media types of all files but the page itself.
func Types() []string { return []string{"text/javascript", "text/css", "image/svg+xml"} }

// typeOf returns the media type of a file, "" when it is not known.
func typeOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html"
	case ".js":
		return "text/javascript"
	case ".css":
		return "text/css"
	case ".svg":
		return "image/svg+xml"
	}
	return ""
}
