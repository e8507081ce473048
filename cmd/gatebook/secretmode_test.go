package main_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSecretsOfAllUsers gives the key and the accounts of a data folder modes that let other users read them: the start, and
// each command that shows the log's key or state, warn of the file and say what would be right, and go on.
func TestSecretsOfAllUsers(t *testing.T) {
	t.Parallel()
	folder := startedFolder(t, filepath.Join(t.TempDir(), "data"))
	(&desk{t: t, folder: folder}).user(0, annsPassword, "add", "ann", "--role", "admin", "--password-file", "-")
	for name, mode := range map[string]os.FileMode{"key": 0o644, "accounts": 0o640} {
		path := filepath.Join(folder, name)
		for _, command := range []string{"verify", "info", "key"} {
			if out := mustRun(t, command, "--data", folder); strings.Contains(out, "warning") {
				t.Errorf("%s warns of a whole folder: %s", command, out)
			}
		}
		must(t, os.Chmod(path, mode))
		for _, command := range []string{"verify", "info", "key"} {
			if out := mustRun(t, command, "--data", folder); !strings.Contains(out, "warning: "+path+" is for its owner alone") || !strings.Contains(out, "chmod 600 "+path) {
				t.Errorf("%s says of %s with mode %v: %s", command, name, mode, out)
			}
		}
		p := serve(t, "--data", folder)
		if p.stop() != 0 || !strings.Contains(p.stderr.String(), path+" is for its owner alone") {
			t.Errorf("the server says of %s with mode %v: %s", name, mode, p.stderr)
		}
		must(t, os.Chmod(path, 0o600))
	}
}
