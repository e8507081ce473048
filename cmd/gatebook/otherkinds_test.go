package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestOtherKindsOfFiles puts a named pipe, and a folder, in the place of files of a data folder. What
// needs the file ends, with an error that names it; nothing waits for the pipe.
func TestOtherKindsOfFiles(t *testing.T) {
	whole := filepath.Join(t.TempDir(), "whole")
	(&desk{t: t, folder: startedFolder(t, whole)}).user(0, annsPassword, "add", "ann", "--role", "admin", "--password-file", "-")
	for _, c := range []struct {
		file     string
		commands []string
	}{
		{"head", []string{"serve", "verify", "backup"}},
		{"key", []string{"serve", "verify", "backup"}},
		{"accounts", []string{"serve", "user list", "backup"}},
		{"log/tail", []string{"serve", "verify"}},
		{"lock", []string{"serve", "verify", "user list"}},
		{"unfinished.json", []string{"verify", "user list"}},
	} {
		for kind, put := range map[string]func(path string) error{
			"named pipe": func(path string) error { return syscall.Mkfifo(path, 0o600) },
			"folder":     func(path string) error { return os.Mkdir(path, 0o700) },
		} {
			t.Run(c.file+" is a "+kind, func(t *testing.T) {
				t.Parallel()
				folder := filepath.Join(t.TempDir(), "data")
				path := filepath.Join(folder, c.file)
				for _, err := range []error{os.CopyFS(folder, os.DirFS(whole)), os.RemoveAll(path), put(path)} {
					if err != nil {
						t.Fatal(err)
					}
				}
				modes(t, folder)
				for _, command := range c.commands {
					args := append(strings.Fields(command), "--data", folder)
					switch command {
					case "serve":
						args = append(args, "--listen", "127.0.0.1:0")
					case "backup":
						args = append(args, "--with-secrets", filepath.Join(t.TempDir(), "backup"))
					}
					ctx, stop := context.WithTimeout(t.Context(), deadline)
					out, err := exec.CommandContext(ctx, binary, args...).CombinedOutput()
					stop()
					exit, ok := err.(*exec.ExitError) //nolint:errorlint // it returns it bare
					if !ok || exit.ExitCode() != 1 || !strings.Contains(string(out), path) || !strings.Contains(string(out), "no regular file ("+kind+")") {
						t.Errorf("%s: %v\n%s", command, err, out)
					}
				}
			})
		}
	}
}

// startedFolder has a server begin a book in a folder, and returns the folder.
func startedFolder(t *testing.T, folder string) string {
	t.Helper()
	p := serve(t, "--data", folder)
	if p.stop() != 0 {
		t.Fatal(p.stderr)
	}
	return folder
}

// modes gives the file of accounts of a copied folder its mode back.
func modes(t *testing.T, folder string) {
	t.Helper()
	path := filepath.Join(folder, "accounts")
	if info, err := os.Lstat(path); err == nil && info.Mode().IsRegular() {
		if err := os.Chmod(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAccountsBecomeAPipe replaces the accounts of a running server by a named pipe: those that were
// in the file stay in use, and the server ends when it is told to.
func TestAccountsBecomeAPipe(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	(&desk{t: t, folder: folder}).user(0, annsPassword, "add", "ann", "--role", "admin", "--password-file", "-")
	p := serve(t, "--data", folder)
	path := filepath.Join(folder, "accounts")
	for _, err := range []error{os.Remove(path), syscall.Mkfifo(path, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the log says what is wrong", func() bool {
		return strings.Contains(p.stderr.String(), "it is no regular file (named pipe)")
	})
	if status, _ := p.as(nil, "GET", "/sessions"); status != 401 {
		t.Errorf("without a login: %d", status)
	}
	if status, body := p.as(withPassword("ann", annsPassword), "GET", "/sessions"); status != 200 {
		t.Errorf("with one: %d %s", status, body)
	}
	if status := p.stop(); status != 0 {
		t.Errorf("it ends with %d: %s", status, p.stderr)
	}
}
