package accounts_test

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"gatebook/httpd/accounts"
)

// TestOwnerIsKept changes accounts as root in a folder of another user, who has to be able to
// read all files afterwards.
func TestOwnerIsKept(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	const owner, group = 65534, 65533
	f := newFile(t, newClock())
	check(t, os.Chown(f.Folder, owner, group))
	check(t, f.Add(t.Context(), "ann", accounts.Admin, password))
	check(t, f.SetPassword(t.Context(), "ann", another, true))
	entries, err := os.ReadDir(f.Folder)
	check(t, err)
	if len(entries) != 2 {
		t.Errorf("there are %v", entries)
	}
	for _, e := range entries {
		info, err := os.Stat(filepath.Join(f.Folder, e.Name()))
		check(t, err)
		if s := info.Sys().(*syscall.Stat_t); s.Uid != owner || s.Gid != group || info.Mode() != 0o600 {
			t.Errorf("%s is of %d:%d, mode %s", e.Name(), s.Uid, s.Gid, info.Mode())
		}
	}
}

// TestLastAdminStays removes accounts until no administrator would be left.
func TestLastAdminStays(t *testing.T) {
	t.Parallel()
	f, _ := filled(t, newClock())
	for _, c := range []struct{ remove, want string }{
		{"ann", "Ann is the last account of an administrator; add another one first, or say --force"},
		{"bob", ""},
		{"edge-1", ""},
		{"ann", "Ann is the last account: without it the API serves every user of this machine without a login; add another one first, or say --force"},
	} {
		err := f.Remove(t.Context(), c.remove, false)
		refused, ok := errors.AsType[*accounts.RefusedError](err)
		if ok != (c.want != "") || ok && (refused.Why != accounts.LastAdmin || refused.Text != c.want) {
			t.Errorf("remove %s: got %v", c.remove, err)
		}
	}
	check(t, f.Remove(t.Context(), "ann", true))
}

// TestNoFolderIsMade adds an account to a folder that does not exist.
func TestNoFolderIsMade(t *testing.T) {
	t.Parallel()
	f := newFile(t, newClock())
	f.Folder = filepath.Join(f.Folder, "typo")
	if err := f.Add(t.Context(), "ann", accounts.Admin, password); err == nil {
		t.Error("an account is added where there is no folder")
	}
	if _, err := os.Stat(f.Folder); !os.IsNotExist(err) {
		t.Errorf("the folder: %v", err)
	}
}
