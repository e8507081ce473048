package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestEmptyValues gives flags and arguments an empty value: each is refused as a wrong command line, and nothing is
// written. An empty variable of the environment counts as none.
func TestEmptyValues(t *testing.T) {
	t.Parallel()
	data, backup := newBackup(t)
	for _, args := range [][]string{
		{"restore", "", "--data", "rx"},
		{"restore", backup, "--data", ""},
		{"restore", backup, "--data="},
		{"restore", backup, "--config", ""},
		{"verify", "--since", "", "--data", data},
		{"verify", "--salvage", "", "--data", data},
		{"backup", "", "--data", data},
		{"backup", "b", "--url", ""},
		{"export", "--data", data, "--out", ""},
		{"import", "", "--data", "i"},
		{"info", "--profile", ""},
		{"init", "--data", ""},
		{"serve", "--data", ""},
		{"list", "--since", "", "--data", data},
		{"user", "list", "--data", ""},
		{"login", ""},
		{"compact", "--data", ""},
		{"key", "--data", ""},
	} {
		command := exec.Command(binary, args...)
		command.Dir = t.TempDir()
		out, _ := command.CombinedOutput() // the status says it
		if status := command.ProcessState.ExitCode(); status != 2 || !strings.Contains(string(out), " is empty; give it a value") {
			t.Errorf("%q: status %d, it says %q", args, status, out)
		}
		if left, err := os.ReadDir(command.Dir); err != nil || len(left) > 0 {
			t.Errorf("%q has left %v, %v", args, left, err)
		}
	}
	none := []string{"GATEBOOK_CONFIG=", "GATEBOOK_DATA=", "GATEBOOK_URL=", "GATEBOOK_PROFILE=", "GATEBOOK_CACERT="}
	if out, status := runWith(t, none, "info", "--data", data); status != 0 {
		t.Errorf("with empty variables: status %d, it says %q", status, out)
	}
}

// TestExportToStdout writes an export to the standard output, and no file that is called -.
func TestExportToStdout(t *testing.T) {
	t.Parallel()
	data := newSegments(t)
	command := exec.Command(binary, "export", "--data", data, "--out", "-")
	command.Dir = t.TempDir()
	out, err := command.Output()
	if err != nil || !strings.HasPrefix(string(out), `{"gatebook_export":`) {
		t.Errorf("it writes %.40q, %v", out, err)
	}
	if left, err := os.ReadDir(command.Dir); err != nil || len(left) > 0 {
		t.Errorf("it has left %v, %v", left, err)
	}
}

// TestBackupFolderIsNamed backs up into a folder that another process has locked, and into a link that leads
// nowhere: neither is called a data folder.
func TestBackupFolderIsNamed(t *testing.T) {
	t.Parallel()
	data, backup := newBackup(t)
	lock, err := os.OpenFile(filepath.Join(backup, "lock"), os.O_RDWR, 0)
	must(t, err)
	defer lock.Close()
	must(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
	mustRefuse(t, "the backup "+backup+" is in use by another process", "backup", backup, "--data", data)
	mustRefuse(t, "the backup "+backup+" is in use by another process", "verify", "--data", backup)
	must(t, unix.Flock(int(lock.Fd()), unix.LOCK_UN))
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink("nowhere", link))
	mustRefuse(t, link+" is a symbolic link that leads nowhere", "backup", link, "--data", data)
	mustRefuse(t, link+" is a symbolic link that leads nowhere", "restore", backup, "--data", link)
}
