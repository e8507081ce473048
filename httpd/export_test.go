package httpd

import (
	"context"
	"net/http"
	"time"
)

// Wrap puts a test's handler before all others. It is called before Serve.
func (s *Server) Wrap(wrap func(http.Handler) http.Handler) { s.http.Handler = wrap(s.http.Handler) }

// SetFollowerWriteTimeout sets how long a follower may take nothing. It is called before
// Serve.
func (s *Server) SetFollowerWriteTimeout(d time.Duration) { s.followers.WriteTimeout = d }

// SetFollowerHeartbeat sets how often a follower is sent a sign of life. It is called before
// Serve.
func (s *Server) SetFollowerHeartbeat(d time.Duration) { s.followers.Heartbeat = d }

// Followers returns how many followers there are.
func (s *Server) Followers() int { return s.followers.Len() }

// ReadInTurn calls do in one of the turns of those that read the log.
func (s *Server) ReadInTurn(ctx context.Context, do func() error) error {
	return s.followers.InTurn(ctx, true, do)
}

// Routes returns the methods of each path.
func (s *Server) Routes() map[string][]string {
	all := make(map[string][]string)
	for _, r := range s.api.routes() {
		for _, o := range r.operations {
			all[r.path] = append(all[r.path], o.method)
		}
	}
	return all
}

// Base returns the base path.
func (s *Server) Base() string { return s.api.page.answers.base }

// Contract returns the text that is served as /openapi.yaml.
func Contract() []byte { return openapi }
