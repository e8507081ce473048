package httpd

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
)

// ParseBasePath returns the base path that a configuration names, in the form in which Config
// has it: "/gate" for "/gate" and "/gate/", "" for "" and "/".
func ParseBasePath(text string) (string, error) {
	if text == "" || text == "/" {
		return "", nil
	}
	refuse := func(why string) (string, error) {
		return "", fmt.Errorf("%q, which is no base path: %s; write one like \"/gatebook\", or \"/\" for none", text, why)
	}
	if !strings.HasPrefix(text, "/") {
		return refuse("it does not begin with a slash")
	}
	path := strings.TrimSuffix(text, "/")
	segments := strings.Split(path[1:], "/")
	for _, segment := range segments {
		switch {
		case segment == "":
			return refuse("it has an empty segment")
		case segment == "." || segment == "..":
			return refuse("it has the segment " + segment + ", which clients take out of a path")
		case strings.ContainsFunc(segment, func(r rune) bool { return !isUnreserved(string(r)) }):
			return refuse("it may have letters, digits, and - . _ ~ between slashes")
		}
	}
	// Otherwise /sessions/42 would be a session and, where the proxy passes whole paths on, also
	// something that is called 42.
	if isOwn(segments[0]) {
		return refuse("/" + segments[0] + " is a path of the API itself")
	}
	return path, nil
}

// isOwn reports whether a path of the API begins with that segment: the contract has them all.
func isOwn(segment string) bool {
	path := "\n  /" + segment
	return bytes.Contains(openapi, []byte(path+":\n")) || bytes.Contains(openapi, []byte(path+"/"))
}

// below returns a handler that takes the base path off the paths of requests. A proxy may pass
// whole paths on, or those below the base path: both are answered. The base path without its
// slash is a route of its own.
func below(base string, next http.Handler) http.Handler {
	if base == "" {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path, ok := strings.CutPrefix(r.URL.Path, base); ok && strings.HasPrefix(path, "/") {
			u := *r.URL
			u.Path, u.RawPath = path, strings.TrimPrefix(u.RawPath, base)
			r = r.WithContext(r.Context())
			r.URL = &u
		}
		next.ServeHTTP(w, r)
	})
}
