package httpd

import (
	"net/http"
	"net/url"
	"strings"
)

// plainPath returns a handler that decodes the characters in the paths of requests that need
// not be encoded: /%73essions is /sessions (RFC 3986, 2.3). Reserved ones stay encoded, as a
// slash in a name.
func plainPath(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if plain := decodeUnreserved(r.URL.RawPath); plain != r.URL.RawPath {
			u := *r.URL
			u.RawPath = plain
			r = r.WithContext(r.Context())
			r.URL = &u
		}
		next.ServeHTTP(w, r)
	})
}

// decodeUnreserved decodes the letters, digits and marks in a path that mean the same when
// they are not encoded.
func decodeUnreserved(path string) string {
	i := strings.IndexByte(path, '%')
	if i < 0 {
		return path
	}
	b := []byte(path[:i])
	for ; i < len(path); i++ {
		if path[i] != '%' || i+2 >= len(path) {
			b = append(b, path[i])
			continue
		}
		c, err := url.PathUnescape(path[i : i+3])
		if err != nil || !isUnreserved(c) {
			b = append(b, path[i:i+3]...)
		} else {
			b = append(b, c...)
		}
		i += 2
	}
	return string(b)
}

// isUnreserved reports whether a text is one of the characters that need no encoding.
func isUnreserved(c string) bool {
	return len(c) == 1 && (c[0] >= 'a' && c[0] <= 'z' || c[0] >= 'A' && c[0] <= 'Z' || c[0] >= '0' && c[0] <= '9' || strings.Contains("-._~", c))
}
