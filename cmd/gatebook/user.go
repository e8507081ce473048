package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"gatebook/cmd/gatebook/internal/config"
	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/accounts"
	"gatebook/httpd/client"
)

// userCommand are the commands about accounts, and the flags they share.
type userCommand struct {
	Config string `help:"Configuration file (TOML), for the data folder it names." type:"path" env:"GATEBOOK_CONFIG" placeholder:"FILE"`
	Data   string `help:"Data folder (gatebook-data)." env:"GATEBOOK_DATA" placeholder:"FOLDER"`

	Add    userAdd    `cmd:"" help:"Add an account."`
	Passwd userPasswd `cmd:"" help:"Give an account another password."`
	Token  userToken  `cmd:"" help:"Make, list and revoke the bearer tokens of accounts."`
	List   userList   `cmd:"" help:"List the accounts."`
	Remove userRemove `cmd:"" help:"Remove an account."`
}

// Help returns what --help adds.
func (userCommand) Help() string {
	return `Accounts are kept in the data folder. A server that has it open makes the changes itself, at its control socket
(gatebook.sock in the data folder), and puts them on the record. Without any account the API serves this machine
alone, and nobody has to log in.

The owner of the data folder and root may do this. A folder for a book that has not begun is made by gatebook init.

Examples:
  gatebook user add ann --role admin
  gatebook user add edge-1 --role source --token
  gatebook user list --output json`
}

// with calls do with the accounts of the data folder that serve would use. The folder may be
// locked meanwhile, so do does not wait for a person.
func (c *userCommand) with(ctx context.Context, do func(accountStore) error) error {
	folder, err := dataFolder(c.Config, c.Data)
	if err != nil {
		return err
	}
	store, err := openAccounts(ctx, folder)
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.close())
}

// dataFolder returns the data folder that serve would use with those flags.
func dataFolder(configuration, data string) (string, error) {
	settings := &config.File{}
	if configuration != "" {
		var err error
		if settings, err = config.Read(configuration); err != nil {
			return "", err
		}
	}
	return cmp.Or(data, settings.Data, defaultData), nil
}

type userAdd struct {
	Name         string `arg:"" help:"Name of the account; of a source: the name it reports as."`
	Role         string `help:"What it may do: admin (everything), basic (read) or source (report, and follow its own events)." required:"" enum:"admin,basic,source" placeholder:"admin|basic|source"`
	PasswordFile string `help:"File whose first line is the password; - reads standard input." xor:"secret" placeholder:"FILE"`
	Token        bool   `help:"Make a bearer token, and print it, instead of asking for a password." xor:"secret"`
}

// Help returns what --help adds.
func (userAdd) Help() string {
	return `The password is asked for without being shown.

Examples:
  gatebook user add ann --role admin
  gatebook user add edge-1 --role source --token > edge-1.token`
}

// Validate returns an error for a name that no account can have, before the user is asked
// for a password. A missing name is an error of kong's.
func (c *userAdd) Validate() error {
	if c.Name == "" {
		return nil
	}
	return accounts.CheckName(c.Name)
}

// Run adds the account.
func (c *userAdd) Run(ctx context.Context, parent *userCommand, to *streams) error {
	password := ""
	if !c.Token {
		var err error
		if password, err = newPassword(c.PasswordFile, c.Name, to); err != nil {
			return err
		}
	}
	return parent.with(ctx, func(store accountStore) error {
		if err := store.AddAccount(ctx, c.Name, c.Role, password); err != nil {
			return err
		}
		if c.Token {
			return printToken(ctx, store, client.NewToken{Account: c.Name, Name: accounts.UsualToken, Ends: endless}, to)
		}
		fmt.Fprintf(to.out, "account %s added, with the role %s\n", c.Name, c.Role)
		return nil
	})
}

type userPasswd struct {
	Name         string `arg:"" help:"Name of the account."`
	PasswordFile string `help:"File whose first line is the password; - reads standard input." placeholder:"FILE"`
	KeepTokens   bool   `help:"Let the account's tokens be of use as before."`
}

// Help returns what --help adds.
func (userPasswd) Help() string {
	return `The password is asked for without being shown. The one before is of no use any more, and neither are the tokens of the
account, unless --keep-tokens is given: a password is changed when somebody else may know it.

Example:
  gatebook user passwd ann`
}

// Run changes the password.
func (c *userPasswd) Run(ctx context.Context, parent *userCommand, to *streams) error {
	password, err := newPassword(c.PasswordFile, c.Name, to)
	if err != nil {
		return err
	}
	return parent.with(ctx, func(store accountStore) error {
		before, err := store.Tokens(ctx, c.Name)
		if err != nil {
			return err
		}
		if err := store.SetPassword(ctx, c.Name, password, c.KeepTokens); err != nil {
			return err
		}
		revoked := ""
		if len(before) > 0 && !c.KeepTokens {
			revoked = ", and its tokens are revoked"
		}
		fmt.Fprintf(to.out, "the password of account %s is changed%s\n", c.Name, revoked)
		return nil
	})
}

type userRemove struct {
	Name  string `arg:"" help:"Name of the account."`
	Force bool   `help:"Remove it although no administrator is left. Without any account nobody has to log in."`
}

// Help returns what --help adds.
func (userRemove) Help() string {
	return `Example:
  gatebook user remove bob`
}

// Run removes the account.
func (c *userRemove) Run(ctx context.Context, parent *userCommand, to *streams) error {
	return parent.with(ctx, func(store accountStore) error {
		if err := store.RemoveAccount(ctx, c.Name, c.Force); err != nil {
			return err
		}
		fmt.Fprintf(to.out, "account %s removed\n", c.Name)
		return nil
	})
}

type userList struct {
	Output string `short:"o" help:"Form of the list: ${enum}." enum:"table,json" default:"table"`
}

// Help returns what --help adds.
func (userList) Help() string {
	return `Example:
  gatebook user list -o json`
}

// Run lists the accounts by name.
func (c *userList) Run(ctx context.Context, parent *userCommand, to *streams) error {
	return parent.with(ctx, func(store accountStore) error {
		rows, err := store.Accounts(ctx)
		if err != nil {
			return err
		}
		for i := range rows {
			rows[i].Changed = rows[i].Changed.UTC().Truncate(time.Second)
		}
		return c.print(rows, to)
	})
}

// print prints accounts in the form that was asked for.
func (c *userList) print(rows []client.Account, to *streams) error {
	if c.Output == "json" {
		return printJSON(to.out, rows)
	}
	t := table.Table{Columns: []table.Column{
		{Name: "NAME", Least: 8}, {Name: "ROLE"}, {Name: "PASSWORD"}, {Name: "TOKENS", Right: true}, {Name: to.agoName("CHANGED"), Right: true, Drop: 1},
	}}
	for _, r := range rows {
		password := "no"
		if r.Password {
			password = "yes"
		}
		t.Add(r.Name, r.Role, password, fmt.Sprint(r.Tokens), to.ago(r.Changed))
	}
	return t.Write(to.out, to.options(false))
}

// printJSON prints a list as JSON.
func printJSON[T any](w io.Writer, rows []T) error {
	if rows == nil {
		rows = []T{}
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "    ")
	return encoder.Encode(rows)
}
