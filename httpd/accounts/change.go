package accounts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/sys/unix"

	"gatebook/internal/owner"
	"gatebook/internal/regular"
)

const (
	// usualCost is the cost of bcrypt: a quarter of a second on an ordinary machine of 2026.
	usualCost = 12
	// lockWait is how long a change waits for another one.
	lockWait  = 5 * time.Second
	lockRetry = 20 * time.Millisecond
)

// Add adds an account. An account without a password ("") logs in with a token.
func (f File) Add(ctx context.Context, name string, role Role, password string) error {
	if err := errors.Join(CheckName(name), CheckRole(role)); err != nil {
		return &RefusedError{Why: Invalid, Text: err.Error()}
	}
	hash := ""
	if password != "" {
		var err error
		if hash, err = f.hash(password); err != nil {
			return err
		}
	}
	return f.change(ctx, func(c *content) error {
		if i := c.index(name); i >= 0 {
			return refused(Exists, "there is an account %s already", c.Accounts[i].Name)
		}
		c.Accounts = append(c.Accounts, Account{Name: name, Role: role, Password: hash, Changed: f.now()})
		f.note(c, changedAdded, name, role)
		return nil
	})
}

// SetPassword gives an account another password. It revokes the tokens of the account, unless
// keepTokens is set: a password is changed when somebody else may know it, who could have had
// tokens made with it.
func (f File) SetPassword(ctx context.Context, name, password string, keepTokens bool) error {
	hash, err := f.hash(password)
	if err != nil {
		return err
	}
	return f.edit(ctx, name, func(a *Account) ([]string, error) {
		a.Password = hash
		if keepTokens || len(a.Tokens) == 0 {
			return []string{changedPassword}, nil
		}
		a.Tokens = nil
		return []string{changedPassword, changedRevoked}, nil
	})
}

// Remove removes an account. Without force it keeps the last one of an administrator.
func (f File) Remove(ctx context.Context, name string, force bool) error {
	return f.change(ctx, func(c *content) error {
		i, err := c.find(name)
		if err != nil {
			return err
		}
		if !force {
			if err := c.checkRemoval(i); err != nil {
				return err
			}
		}
		f.note(c, changedRemoved, c.Accounts[i].Name, c.Accounts[i].Role)
		c.Accounts = slices.Delete(c.Accounts, i, i+1)
		return nil
	})
}

// Record calls record for each change that is not recorded yet, oldest first, and then
// deletes it from the file. It stops at the first error and returns it. It also notes whether there
// are accounts, for a file that something else has put there, such as a restore.
func (f File) Record(ctx context.Context, record func(Change) error) error {
	c, info, err := f.read()
	switch {
	case err != nil || info == nil:
		return err
	case len(c.Unrecorded) == 0:
		return f.markPresent(len(c.Accounts) > 0)
	}
	var failed error
	err = f.change(ctx, func(c *content) error {
		for len(c.Unrecorded) > 0 && failed == nil {
			if failed = record(c.Unrecorded[0]); failed == nil {
				c.Unrecorded = c.Unrecorded[1:]
			}
		}
		return nil
	})
	return errors.Join(err, failed)
}

// edit changes one account, and notes what change returns. An error of change leaves the file
// as it is.
func (f File) edit(ctx context.Context, name string, change func(*Account) (what []string, err error)) error {
	return f.change(ctx, func(c *content) error {
		i, err := c.find(name)
		if err != nil {
			return err
		}
		a := &c.Accounts[i]
		what, err := change(a)
		if err != nil {
			return err
		}
		a.Changed = f.now()
		for _, w := range what {
			f.note(c, w, a.Name, a.Role)
		}
		return nil
	})
}

// note adds a change to those that are to be recorded.
func (f File) note(c *content, what, name string, role Role) {
	c.Unrecorded = append(c.Unrecorded, Change{What: what, Account: name, Role: role, By: f.By, At: f.now()})
}

// change reads, changes and replaces the file while it holds the lock.
func (f File) change(ctx context.Context, change func(*content) error) (err error) {
	unlock, err := f.lock(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	c, _, err := f.read()
	if err != nil {
		return err
	}
	if err := change(&c); err != nil {
		return err
	}
	if err := f.write(c); err != nil {
		return err
	}
	return f.markPresent(len(c.Accounts) > 0)
}

// lock blocks until this process alone may change the file.
func (f File) lock(ctx context.Context) (unlock func() error, err error) {
	file, err := regular.OpenFile(f.lockPath(), os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, f.noFolder()
	}
	if err == nil {
		err = owner.KeepFile(file, f.Folder)
	}
	if err != nil {
		return nil, fmt.Errorf("lock accounts: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, lockWait)
	defer stop()
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return file.Close, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errors.Join(fmt.Errorf("lock accounts: %w", err), file.Close())
		}
		select {
		case <-time.After(lockRetry):
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("the accounts in %s are being changed by another program: %w", f.Folder, ctx.Err()), file.Close())
		}
	}
}

// hash returns the bcrypt hash of a password.
func (f File) hash(password string) (string, error) {
	if err := CheckPassword(password); err != nil {
		return "", &RefusedError{Why: Invalid, Text: err.Error()}
	}
	cost := f.Cost
	if cost == 0 {
		cost = usualCost
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	return string(hash), err
}

// now returns the time by the file's clock.
func (f File) now() time.Time {
	if f.Now != nil {
		return f.Now().UTC()
	}
	return time.Now().UTC()
}

// index returns the place of an account in the list, -1 when there is no such account.
func (c *content) index(name string) int {
	return slices.IndexFunc(c.Accounts, func(a Account) bool { return keyOf(a.Name) == keyOf(name) })
}

// find returns the place of an account in the list, or an error that names the accounts there
// are.
func (c *content) find(name string) (int, error) {
	if i := c.index(name); i >= 0 {
		return i, nil
	}
	if len(c.Accounts) == 0 {
		return 0, refused(Unknown, "there is no account %s: there are none", name)
	}
	names := make([]string, len(c.Accounts))
	for i, a := range c.Accounts {
		names[i] = a.Name
	}
	return 0, refused(Unknown, "there is no account %s; there are: %s", name, strings.Join(names, ", "))
}

// checkRemoval returns an error for the removal of the last administrator: without any
// account, every user of this machine may do everything through the API.
func (c *content) checkRemoval(i int) error {
	if c.Accounts[i].Role != Admin {
		return nil
	}
	for j, a := range c.Accounts {
		if j != i && a.Role == Admin {
			return nil
		}
	}
	if len(c.Accounts) == 1 {
		return refused(LastAdmin, "%s is the last account: without it the API serves every user of this machine without a login; add another one first, or say --force", c.Accounts[i].Name)
	}
	return refused(LastAdmin, "%s is the last account of an administrator; add another one first, or say --force", c.Accounts[i].Name)
}
