package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"gatebook/httpd/accounts"
	"gatebook/httpd/client"
	"gatebook/httpd/control"
	"gatebook/storage"
)

// accountStore holds the accounts of a data folder.
type accountStore interface {
	Accounts(ctx context.Context) ([]client.Account, error)
	AddAccount(ctx context.Context, name, role, password string) error
	SetPassword(ctx context.Context, name, password string, keepTokens bool) error
	RemoveAccount(ctx context.Context, name string, force bool) error
	tokenStore
	close() error
}

// tokenStore holds the tokens of accounts.
type tokenStore interface {
	Tokens(ctx context.Context, account string) ([]client.Token, error)
	MakeToken(ctx context.Context, n client.NewToken) (client.MadeToken, error)
	RevokeToken(ctx context.Context, account, name string) error
}

const (
	// socketWait is how long a command waits for a server that is just starting or stopping.
	socketWait  = 5 * time.Second
	socketRetry = 50 * time.Millisecond
)

// openAccounts returns the accounts of a data folder: through the server that has it open,
// or in their file, with the folder locked meanwhile.
func openAccounts(ctx context.Context, folder string) (accountStore, error) {
	for waited := time.Duration(0); ; waited += socketRetry {
		served, err := dialControl(ctx, folder)
		if err != nil {
			return nil, err
		}
		if served != nil {
			return servedAccounts{served}, nil
		}
		locked, err := storage.LockExisting(folder)
		_, inUse := errors.AsType[*storage.InUseError](err)
		switch {
		case err == nil:
			if err := locked.CheckUsable(); err != nil {
				return nil, errors.Join(err, locked.Unlock())
			}
			return storedAccounts{file: accounts.File{Folder: folder, By: control.Actor(os.Geteuid())}, folder: locked}, nil
		case !inUse:
			return nil, err
		case waited >= socketWait:
			return nil, fmt.Errorf("%w: it has no control socket (%s)", err, control.Path(folder))
		}
		select {
		case <-time.After(socketRetry):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// controlSilence is how long a server may say nothing at its control socket.
const controlSilence = 20 * time.Second

// dialControl returns a client of the server that has a data folder open, nil when there is
// none.
func dialControl(ctx context.Context, folder string) (*client.Client, error) {
	path := control.Path(folder)
	conn, err := control.Dial(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return nil, nil
	case errors.Is(err, fs.ErrPermission):
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrPermission) {
			return nil, fmt.Errorf("data folder %s cannot be entered: %w", folder, err)
		}
		return nil, fmt.Errorf("%s is for the owner of the data folder and root: %w", path, fs.ErrPermission)
	case err != nil:
		return nil, fmt.Errorf("control socket %s: %w", path, err)
	}
	if err := conn.Close(); err != nil {
		return nil, err
	}
	return client.New("http://localhost", client.Options{Socket: path, UserAgent: "gatebook/" + version, Silence: controlSilence})
}

// servedAccounts are accounts that a running server keeps.
type servedAccounts struct{ *client.Client }

// close closes the connection.
func (s servedAccounts) close() error {
	s.Close()
	return nil
}

// storedAccounts are accounts in a folder that no server has open.
type storedAccounts struct {
	file   accounts.File
	folder *storage.Folder // locked
}

// Accounts returns all accounts.
func (s storedAccounts) Accounts(context.Context) ([]client.Account, error) {
	all, err := s.file.List()
	list := make([]client.Account, len(all))
	for i, a := range all {
		list[i] = client.Account{Name: a.Name, Role: string(a.Role), Password: a.Password != "", Tokens: len(a.Tokens), Changed: a.Changed}
	}
	return list, err
}

// AddAccount adds an account.
func (s storedAccounts) AddAccount(ctx context.Context, name, role, password string) error {
	return s.file.Add(ctx, name, accounts.Role(role), password)
}

// SetPassword gives an account another password.
func (s storedAccounts) SetPassword(ctx context.Context, name, password string, keepTokens bool) error {
	return s.file.SetPassword(ctx, name, password, keepTokens)
}

// Tokens returns the tokens of an account, "" meaning all accounts.
func (s storedAccounts) Tokens(_ context.Context, account string) ([]client.Token, error) {
	all, err := s.file.List()
	var list []client.Token
	for _, a := range all {
		if account != "" && !strings.EqualFold(a.Name, account) {
			continue
		}
		for _, t := range a.Tokens {
			list = append(list, client.Token{Account: a.Name, Name: t.Name, Role: string(t.Role), Made: t.Made, Ends: t.Ends})
		}
	}
	return list, err
}

// MakeToken makes a token for an account.
func (s storedAccounts) MakeToken(ctx context.Context, n client.NewToken) (client.MadeToken, error) {
	ends, err := endOfToken(n.Ends, time.Now())
	if err != nil {
		return client.MadeToken{}, err
	}
	t, secret, err := s.file.AddToken(ctx, n.Account, accounts.NewToken{Name: n.Name, Role: accounts.Role(n.Role), Ends: ends, Replace: n.Replace})
	return client.MadeToken{Account: n.Account, Name: t.Name, Role: string(t.Role), Made: t.Made, Ends: t.Ends, Secret: secret}, err
}

// RevokeToken revokes a token of an account.
func (s storedAccounts) RevokeToken(ctx context.Context, account, name string) error {
	return s.file.RevokeToken(ctx, account, name)
}

// RemoveAccount removes an account.
func (s storedAccounts) RemoveAccount(ctx context.Context, name string, force bool) error {
	return s.file.Remove(ctx, name, force)
}

// close gives the folder back.
func (s storedAccounts) close() error { return s.folder.Unlock() }
