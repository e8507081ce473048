package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestKeyOfAllUsers gives the key of a data folder modes that let other users read it: the start, and each command that
// shows the log's key or state, warn of the file and say what would be right, and go on.
func TestKeyOfAllUsers(t *testing.T) {
	t.Parallel()
	folder := startedFolder(t, filepath.Join(t.TempDir(), "data"))
	for _, mode := range []os.FileMode{0o644, 0o640, 0o602} {
		path := filepath.Join(folder, "key")
		for _, command := range []string{"verify", "info", "key"} {
			if out := mustRun(t, command, "--data", folder); strings.Contains(out, "warning") {
				t.Errorf("%s warns of a whole folder: %s", command, out)
			}
		}
		must(t, os.Chmod(path, mode))
		for _, command := range []string{"verify", "info", "key"} {
			if out := mustRun(t, command, "--data", folder); !strings.Contains(out, "warning: "+path+" is for its owner alone") || !strings.Contains(out, "chmod 600 "+path) {
				t.Errorf("%s says of mode %v: %s", command, mode, out)
			}
		}
		p := serve(t, "--data", folder)
		if p.stop() != 0 || !strings.Contains(p.stderr.String(), path+" is for its owner alone") {
			t.Errorf("the server says of mode %v: %s", mode, p.stderr)
		}
		must(t, os.Chmod(path, 0o600))
	}
}
