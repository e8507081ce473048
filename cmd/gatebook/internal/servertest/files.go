package servertest

import (
	"fmt"
	"os"
	"path/filepath"
)

// write puts a file that only the server's user can read into the server's
// folder.
func (s *Server) write(name string, content []byte) error {
	path := filepath.Join(s.dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return s.own(path)
}

// own gives a path to the user that the server runs as.
func (s *Server) own(path string) error {
	c := s.engine.credential()
	if c == nil {
		return nil
	}
	if err := os.Chown(path, int(c.Uid), int(c.Gid)); err != nil {
		return fmt.Errorf("give %s its folder: %w", s.engine.name(), err)
	}
	return nil
}

// writeKeys puts the certificate and its key where the server can read them.
func (s *Server) writeKeys() error {
	if !s.speaksTLS() {
		return nil
	}
	if err := s.write(filepath.Base(s.certificate()), s.options.certificate); err != nil {
		return err
	}
	return s.write(filepath.Base(s.key()), s.options.key)
}

func (s *Server) speaksTLS() bool { return len(s.options.certificate) > 0 }
