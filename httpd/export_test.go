package httpd

import (
	"net/http"
	"time"
)

// Wrap puts a handler of a test's before all others. It is called before Serve.
func (s *Server) Wrap(wrap func(http.Handler) http.Handler) { s.http.Handler = wrap(s.http.Handler) }

// SetFollowerPatience sets how long a follower may take nothing. It is called before
// Serve.
func (s *Server) SetFollowerPatience(d time.Duration) { s.followers.WriteTimeout = d }

// Followers is how many there are.
func (s *Server) Followers() int { return s.followers.Len() }

// Routes are the methods of each path.
func (s *Server) Routes() map[string][]string {
	all := make(map[string][]string)
	for _, r := range s.api.routes() {
		for _, o := range r.operations {
			all[r.path] = append(all[r.path], o.method)
		}
	}
	return all
}

// Contract is what is served as /openapi.yaml.
func Contract() []byte { return contract }
