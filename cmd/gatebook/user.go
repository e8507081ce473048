package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os/user"
	"text/tabwriter"
	"time"

	"gatebook/cmd/gatebook/internal/config"
	"gatebook/httpd/accounts"
)

// userCommand are the commands about accounts, and the flags they share.
type userCommand struct {
	Config string `help:"Configuration file (TOML), for the data folder it names." type:"path" env:"GATEBOOK_CONFIG" placeholder:"FILE"`
	Data   string `help:"Data folder; created if it does not exist (gatebook-data)." env:"GATEBOOK_DATA" placeholder:"FOLDER"`

	Add    userAdd    `cmd:"" help:"Add an account."`
	Passwd userPasswd `cmd:"" help:"Give an account another password."`
	Token  userToken  `cmd:"" help:"Make a bearer token for an account, and print it."`
	List   userList   `cmd:"" help:"List the accounts."`
	Remove userRemove `cmd:"" help:"Remove an account."`
}

// Help returns what --help adds.
func (userCommand) Help() string {
	return `Accounts are kept in the data folder. A server that runs takes a change over within a second, and puts it on
the record. Without any account the API serves this machine alone, and nobody has to log in.

Examples:
  gatebook user add ann --role admin
  gatebook user add edge-1 --role source --token
  gatebook user list --output json`
}

// file returns the accounts file of the data folder that serve would use.
func (c *userCommand) file() (accounts.File, error) {
	settings := &config.File{}
	if c.Config != "" {
		var err error
		if settings, err = config.Read(c.Config); err != nil {
			return accounts.File{}, err
		}
	}
	return accounts.File{Folder: cmp.Or(c.Data, settings.Data, defaultData), By: operator()}, nil
}

// operator returns the name of the user that runs the program, for the record.
func operator() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host := hostname(); host != "" {
		name += "@" + host
	}
	return name
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
	file, err := parent.file()
	if err != nil {
		return err
	}
	password := ""
	if !c.Token {
		if password, err = newPassword(c.PasswordFile, c.Name, to); err != nil {
			return err
		}
	}
	if err := file.Add(ctx, c.Name, accounts.Role(c.Role), password); err != nil {
		return err
	}
	if c.Token {
		return printToken(ctx, file, c.Name, false, to)
	}
	fmt.Fprintf(to.out, "account %s added, with the role %s\n", c.Name, c.Role)
	return nil
}

type userPasswd struct {
	Name         string `arg:"" help:"Name of the account."`
	PasswordFile string `help:"File whose first line is the password; - reads standard input." placeholder:"FILE"`
}

// Help returns what --help adds.
func (userPasswd) Help() string {
	return `The password is asked for without being shown. The one before is of no use any more.

Example:
  gatebook user passwd ann`
}

// Run changes the password.
func (c *userPasswd) Run(ctx context.Context, parent *userCommand, to *streams) error {
	file, err := parent.file()
	if err != nil {
		return err
	}
	password, err := newPassword(c.PasswordFile, c.Name, to)
	if err != nil {
		return err
	}
	if err := file.SetPassword(ctx, c.Name, password); err != nil {
		return err
	}
	fmt.Fprintf(to.out, "the password of account %s is changed\n", c.Name)
	return nil
}

type userToken struct {
	Name   string `arg:"" help:"Name of the account."`
	Keep   bool   `help:"Let the tokens it has be of use as well." xor:"what"`
	Revoke bool   `help:"Make none, and take back those it has." xor:"what"`
}

// Help returns what --help adds.
func (userToken) Help() string {
	return `The token is printed once and kept nowhere. Those the account had are of no use any more, unless --keep is given.

Examples:
  gatebook user token edge-1 > edge-1.token
  curl --header "Authorization: Bearer $(cat edge-1.token)" https://gatebook.example.org:8989/sessions`
}

// Run makes or revokes.
func (c *userToken) Run(ctx context.Context, parent *userCommand, to *streams) error {
	file, err := parent.file()
	if err != nil {
		return err
	}
	if !c.Revoke {
		return printToken(ctx, file, c.Name, c.Keep, to)
	}
	if err := file.RevokeTokens(ctx, c.Name); err != nil {
		return err
	}
	fmt.Fprintf(to.out, "the tokens of account %s are revoked\n", c.Name)
	return nil
}

// printToken prints a new token to standard output, and nothing else.
func printToken(ctx context.Context, file accounts.File, name string, keep bool, to *streams) error {
	token, err := file.NewToken(ctx, name, keep)
	if err != nil {
		return err
	}
	fmt.Fprintln(to.out, token)
	return nil
}

type userRemove struct {
	Name string `arg:"" help:"Name of the account."`
}

// Help returns what --help adds.
func (userRemove) Help() string {
	return `Example:
  gatebook user remove bob`
}

// Run removes the account.
func (c *userRemove) Run(ctx context.Context, parent *userCommand, to *streams) error {
	file, err := parent.file()
	if err != nil {
		return err
	}
	if err := file.Remove(ctx, c.Name); err != nil {
		return err
	}
	fmt.Fprintf(to.out, "account %s removed\n", c.Name)
	return nil
}

type userList struct {
	Output string `short:"o" help:"Form of the list: ${enum}." enum:"table,json" default:"table"`
}

// Help returns what --help adds.
func (userList) Help() string {
	return `Example:
  gatebook user list -o json`
}

// listed is an account as it is shown.
type listed struct {
	Name     string    `json:"name"`
	Role     string    `json:"role"`
	Password bool      `json:"password"`
	Tokens   int       `json:"tokens"`
	Changed  time.Time `json:"changed"`
}

// Run lists the accounts by name.
func (c *userList) Run(parent *userCommand, to *streams) error {
	file, err := parent.file()
	if err != nil {
		return err
	}
	all, err := file.List()
	if err != nil {
		return err
	}
	rows := make([]listed, len(all))
	for i, a := range all {
		rows[i] = listed{a.Name, string(a.Role), a.Password != "", len(a.Tokens), a.Changed.UTC().Truncate(time.Second)}
	}
	if c.Output == "json" {
		encoder := json.NewEncoder(to.out)
		encoder.SetIndent("", "    ")
		return encoder.Encode(rows)
	}
	table := tabwriter.NewWriter(to.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tROLE\tPASSWORD\tTOKENS\tCHANGED")
	for _, r := range rows {
		password := "no"
		if r.Password {
			password = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\n", r.Name, r.Role, password, r.Tokens, r.Changed.Format(time.RFC3339))
	}
	return table.Flush()
}
