package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestFilesOfOthers takes the rights to a file of a data folder from the user that runs gatebook, by its mode or
// by its owner. Each command that needs the file ends with an error that names it, its owner, its mode and the
// user, and says what would be right; a server begins nothing anew.
func TestFilesOfOthers(t *testing.T) {
	whole := serviceFolder(t)
	(&desk{t: t, folder: startedFolder(t, whole)}).user(0, annsPassword, "add", "ann", "--role", "admin", "--password-file", "-")
	for file, commands := range map[string]string{
		".":                           "serve, verify, info, backup, export, rebuild, compact, migrate, key, key rotate, user list",
		"lock":                        "serve, verify, info, backup, export, rebuild, compact, migrate, key, key rotate, user list",
		"log":                         "serve, verify, info, backup, export, rebuild, compact, migrate, key, key rotate",
		"log/00000000000000000001.db": "serve, verify, info, backup, export, rebuild, compact, migrate, key, key rotate",
		"log/tail":                    "serve, verify, backup, rebuild, key rotate",
		"head":                        "serve, verify, backup, export, key rotate",
		"key":                         "serve, verify, backup --with-secrets, key rotate",
		"book.db":                     "serve, info",
		"accounts":                    "serve, user list, backup --with-secrets",
	} {
		for how, take := range map[string]func(path string) error{
			"by its mode":  func(path string) error { return os.Chmod(path, 0) },
			"by its owner": func(path string) error { return os.Chown(path, 0, 0) },
		} {
			folder := serviceFolder(t)
			must(t, os.Remove(folder), exec.Command("cp", "-a", whole, folder).Run(), exec.Command("chown", "-R", strconv.Itoa(nobody)+":"+strconv.Itoa(nobody), folder).Run())
			path := filepath.Join(folder, file)
			must(t, take(path))
			before := tree(t, folder)
			for _, command := range strings.Split(commands, ", ") {
				out, status := asNobody(t, command, folder)
				right := "(chown)"
				if how == "by its mode" {
					right = "say chmod u+rw"
				}
				for _, want := range []string{path + " belongs to uid ", "this process runs as uid " + strconv.Itoa(nobody), "has mode ", right} {
					if status != 1 || !strings.Contains(out, want) {
						t.Errorf("%s %s: %s: status %d: %s; want %q", file, how, command, status, out, want)
						break
					}
				}
			}
			if after := tree(t, folder); after != before {
				t.Errorf("%s %s: the folder had\n%s\nand has\n%s", file, how, before, after)
			}
		}
	}
}

// asNobody runs a command on a data folder as another user, and returns what it says, and its status.
func asNobody(t *testing.T, command, folder string) (string, int) {
	t.Helper()
	args := append(strings.Fields(command), "--data", folder)
	switch strings.Fields(command)[0] {
	case "serve":
		args = append(args, "--listen", "127.0.0.1:0")
	case "backup":
		to := serviceFolder(t)
		args = append(args, filepath.Join(to, "backup"))
	}
	ctx, stop := context.WithTimeout(t.Context(), deadline)
	defer stop()
	run := exec.CommandContext(ctx, binary, args...)
	run.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	out, _ := run.CombinedOutput() // the status says it
	return string(out), run.ProcessState.ExitCode()
}

// tree returns the names of the files in a folder, without those that each start makes and removes.
func tree(t *testing.T, folder string) string {
	t.Helper()
	var all []string
	must(t, filepath.WalkDir(folder, func(path string, _ os.DirEntry, err error) error {
		if name := filepath.Base(path); name != "alive" && name != "gatebook.sock" {
			all = append(all, path)
		}
		return err
	}))
	return strings.Join(all, "\n")
}
