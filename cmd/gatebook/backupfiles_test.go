package main_test

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// sourceDamages returns what can happen to the files beside a log, by the name of the file.
func sourceDamages(t *testing.T) map[string][]damage {
	t.Helper()
	other := newSegments(t)
	ofOther := func(name string) damage {
		return changed("of another log", name, func([]byte) []byte {
			b, err := os.ReadFile(filepath.Join(other, name))
			must(t, err)
			return b
		})
	}
	return map[string][]damage{
		"key":      append(damages("key"), ofOther("key")),
		"head":     append(damages("head"), ofOther("head")),
		"accounts": damages("accounts"),
	}
}

// refusesBackup damages a file of a data folder, backs it up into a backup that was whole, which stays as it
// was, and into a new folder, and puts the file back.
func refusesBackup(t *testing.T, data, backup, name string, d damage) {
	t.Helper()
	path := filepath.Join(data, name)
	whole, err := os.ReadFile(path)
	must(t, err)
	before := contentOf(t, backup)
	d.do(t, data)
	out, status := gatebookCommand(t, "backup", backup, "--data", data, "--with-secrets")
	if status != 1 || !strings.Contains(out, path+" cannot be backed up: ") {
		t.Errorf("%s: status %d: %s", d.name, status, out)
	}
	if after := contentOf(t, backup); !reflect.DeepEqual(before, after) {
		t.Errorf("%s: the backup has changed", d.name)
	}
	fresh := filepath.Join(t.TempDir(), "fresh")
	if name != "accounts" || !strings.HasPrefix(d.name, "without") { // which is a log without accounts
		out, status = gatebookCommand(t, "backup", fresh, "--data", data, "--with-secrets")
		if status != 1 || !strings.Contains(out, path+" cannot be backed up: ") || isThere(fresh) {
			t.Errorf("%s, into a new folder: status %d, it is there: %v: %s", d.name, status, isThere(fresh), out)
		}
	}
	must(t, os.RemoveAll(path), os.WriteFile(path, whole, 0o600))
}

// TestBackupOfDamagedFiles backs a folder up, without a server and through one, whose key, head or accounts
// are damaged, missing or those of another log: the backup that was made before keeps its own.
func TestBackupOfDamagedFiles(t *testing.T) {
	t.Parallel()
	all := sourceDamages(t)
	for _, served := range []bool{false, true} {
		data, backup := newBackup(t)
		if served {
			// A record of the command's own connection would have the server sign a head in the place of the
			// damaged one.
			config := filepath.Join(t.TempDir(), "gatebook.toml")
			must(t, os.WriteFile(config, []byte("record_admin = false\n"), 0o600))
			p := serve(t, "--data", data, "--config", config)
			mustRun(t, "backup", backup, "--data", data, "--with-secrets")
			defer func() {
				if p.stop() != 0 {
					t.Error("it did not stop in order")
				}
			}()
		}
		for name, list := range all {
			for _, d := range list {
				refusesBackup(t, data, backup, name, d)
			}
		}
		mustRun(t, "verify", "--data", backup)
		mustRun(t, "backup", backup, "--data", data, "--with-secrets")
		mustRun(t, "verify", "--data", backup)
	}
}

// TestBackupWithoutSecretsOfDamagedFiles backs a folder up without its secrets: a damaged head is refused, and a
// key that does not travel is not looked at.
func TestBackupWithoutSecretsOfDamagedFiles(t *testing.T) {
	t.Parallel()
	data, backup := newSegments(t), filepath.Join(t.TempDir(), "backup")
	must(t, os.Remove(filepath.Join(data, "key")))
	mustRun(t, "backup", backup, "--data", data)
	mustRun(t, "verify", "--data", backup)
	before := contentOf(t, backup)
	changed("cut", "head", func(b []byte) []byte { return b[:len(b)-7] }).do(t, data)
	mustRefuse(t, filepath.Join(data, "head")+" cannot be backed up", "backup", backup, "--data", data)
	if after := contentOf(t, backup); !reflect.DeepEqual(before, after) {
		t.Error("the backup has changed")
	}
}

// TestBackupWithinARotation backs a folder up in which a rotation of the key was broken off: the log names the
// new key, and it is the new key that is backed up.
func TestBackupWithinARotation(t *testing.T) {
	t.Parallel()
	data, backup := newBackup(t)
	key := filepath.Join(data, "key")
	former, err := os.ReadFile(key)
	must(t, err)
	mustRun(t, "key", "rotate", "--data", data)
	must(t, os.Rename(key, key+".next"), os.WriteFile(key, former, 0o600))
	mustRun(t, "backup", backup, "--data", data, "--with-secrets")
	mustRun(t, "verify", "--data", backup)
	next, err := os.ReadFile(key + ".next")
	must(t, err)
	if got, err := os.ReadFile(filepath.Join(backup, "key")); err != nil || !bytes.Equal(got, next) {
		t.Errorf("the backup has another key: %v", err)
	}
	// A new key that the log does not name yet is none of its keys.
	must(t, os.Rename(key+".next", key), os.WriteFile(key+".next", former, 0o600))
	mustRun(t, "backup", backup, "--data", data, "--with-secrets")
	mustRun(t, "verify", "--data", backup)
}
