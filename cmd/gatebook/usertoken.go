package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/accounts"
	"gatebook/httpd/client"
	"gatebook/internal/when"
)

// endless is the end of a token that has none.
const endless = "never"

// userToken are the arguments of user token.
type userToken struct {
	serverFlags
	Of     string `arg:"" optional:"" name:"account" help:"Account whose tokens are meant. Without it the tokens of all accounts are listed."`
	Name   string `help:"Name of the token (token): what it is for, or where it is kept. A token of the same name is replaced." placeholder:"NAME"`
	Role   string `help:"What it may do: admin, basic or source; the role of the account, or less." placeholder:"ROLE"`
	Ends   string `help:"When it ends: a duration such as 90d, a date, or never." placeholder:"END"`
	List   bool   `help:"Make none, and list those of the account." xor:"what"`
	Revoke bool   `help:"Make none, and revoke the one of that name; without --name all of the account." xor:"what"`
	Output string `short:"o" help:"Form of the list: ${enum}." enum:"table,json" default:"table"`
}

// Help returns what --help adds.
func (userToken) Help() string {
	return `A new token is printed once and kept nowhere. It has no end unless --ends is given. With --url or --profile the server there is
asked: an account makes, lists and revokes its own tokens there, an administrator those of all accounts, and a token has an
end, by default in 90 days.

Examples:
  gatebook user token edge-1 --ends 400d > edge-1.token
  gatebook user token ann --name dashboard --role basic --ends 2027-12-31
  gatebook user token
  gatebook user token ann --revoke --name dashboard
  curl --header "Authorization: Bearer $(cat edge-1.token)" https://gatebook.example.org:8989/sessions`
}

// Validate returns an error for arguments that do not go together.
func (c *userToken) Validate() error {
	switch {
	case c.Of == "" && (c.Revoke || c.Name != "" || c.Ends != "" || c.Role != ""):
		return errors.New("name the account of the token")
	case (c.Revoke || c.List) && (c.Ends != "" || c.Role != ""):
		return errors.New("--ends and --role are of a new token")
	case c.Role != "":
		return accounts.CheckRole(accounts.Role(c.Role))
	}
	return nil
}

// Run makes, lists or revokes.
func (c *userToken) Run(ctx context.Context, parent *userCommand, to *streams) error {
	if !c.isGiven() {
		return parent.with(ctx, func(store accountStore) error { return c.do(ctx, store, to) })
	}
	server, err := c.dial(to)
	if err != nil {
		return err
	}
	defer server.Close()
	return c.explain(server, c.do(ctx, server, to))
}

// do makes, lists or revokes tokens in a store.
func (c *userToken) do(ctx context.Context, store tokenStore, to *streams) error {
	switch {
	case c.Of == "" || c.List:
		return c.list(ctx, store, to)
	case c.Revoke:
		return c.revoke(ctx, store, to)
	}
	ends, err := wireEnd(c.Ends, to)
	if err != nil {
		return err
	}
	if ends == "" && !c.isGiven() {
		ends = endless
	}
	return printToken(ctx, store, client.NewToken{Account: c.Of, Name: cmp.Or(c.Name, accounts.UsualToken), Role: c.Role, Ends: ends, Replace: true}, to)
}

// revoke revokes one token of the account, or all of them.
func (c *userToken) revoke(ctx context.Context, store tokenStore, to *streams) error {
	if c.Name != "" {
		if err := store.RevokeToken(ctx, c.Of, c.Name); err != nil {
			return err
		}
		fmt.Fprintf(to.out, "the token %s of account %s is revoked\n", c.Name, c.Of)
		return nil
	}
	all, err := store.Tokens(ctx, c.Of)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return fmt.Errorf("account %s has no tokens, or there is no such account", c.Of)
	}
	for _, t := range all {
		if err := store.RevokeToken(ctx, c.Of, t.Name); err != nil {
			return err
		}
	}
	fmt.Fprintf(to.out, "the tokens of account %s are revoked (%d)\n", c.Of, len(all))
	return nil
}

// list prints the tokens of the account, or of all.
func (c *userToken) list(ctx context.Context, store tokenStore, to *streams) error {
	all, err := store.Tokens(ctx, c.Of)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		return printTokens(to.out, all)
	}
	t := table.Table{Columns: []table.Column{
		{Name: "ACCOUNT", Least: 6}, {Name: "TOKEN", Least: 6}, {Name: "ROLE"}, {Name: to.agoName("MADE"), Right: true, Drop: 1}, {Name: "ENDS", Right: true},
	}}
	for _, v := range all {
		t.Add(v.Account, v.Name, v.Role, to.ago(v.Made), to.ends(v.Ends))
	}
	if len(all) == 0 && to.width > 0 {
		fmt.Fprintln(to.err, "there is no token")
	}
	return t.Write(to.out, to.options(false))
}

// printTokens prints tokens as the API shows them, with null for a time that there is not.
func printTokens(w io.Writer, all []client.Token) error {
	type row struct {
		Account string     `json:"account"`
		Name    string     `json:"name"`
		Role    string     `json:"role"`
		Made    *time.Time `json:"made"`
		Ends    *time.Time `json:"ends"`
	}
	known := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	var rows []row
	for _, t := range all {
		rows = append(rows, row{t.Account, t.Name, t.Role, known(t.Made), known(t.Ends)})
	}
	return printJSON(w, rows)
}

// agoName returns the name of a column of times that a terminal shows as how long ago they were.
func (s *streams) agoName(name string) string {
	if s.width == 0 {
		return name
	}
	return name + " AGO"
}

// ends returns the end of a token as people read it: on a terminal how far it is, elsewhere
// exactly.
func (s *streams) ends(t time.Time) string {
	switch {
	case t.IsZero():
		return endless
	case s.width == 0:
		return t.UTC().Format(exact)
	case !s.now().Before(t):
		return "expired"
	}
	left := t.Sub(s.now())
	if day := 24 * time.Hour; left >= 2*day {
		return fmt.Sprintf("in %dd", left.Round(day)/day)
	}
	return "in " + short(left)
}

// printToken prints a new token to standard output; on a terminal also what it is.
func printToken(ctx context.Context, store tokenStore, n client.NewToken, to *streams) error {
	made, err := store.MakeToken(ctx, n)
	if err != nil {
		return err
	}
	if to.width > 0 {
		fmt.Fprintf(to.err, "token %s of account %s, with the role %s; it ends: %s; it is not shown again\n", made.Name, made.Account, made.Role, to.ends(made.Ends))
	}
	fmt.Fprintln(to.out, made.Secret)
	return nil
}

// wireEnd returns the end of a token as the API takes it. A date stands for its end, in the
// zone of the user.
func wireEnd(text string, to *streams) (string, error) {
	if text == "" || text == endless {
		return text, nil
	}
	if _, err := when.Duration(text); err == nil {
		return text, nil // by the server's clock
	}
	span, err := when.Parse(text, to.now(), to.zone)
	if err != nil || span.Moves {
		return "", fmt.Errorf("--ends %q is neither a duration from now, as in 90d, nor a date or a time, as in 2027-12-31, nor never", text)
	}
	return span.To.UTC().Truncate(time.Second).Format(time.RFC3339), nil
}

// endOfToken returns the time that the end of a token in the API's form stands for, zero when
// it has none.
func endOfToken(text string, now time.Time) (time.Time, error) {
	if text == "" || text == endless {
		return time.Time{}, nil
	}
	if life, err := when.Duration(text); err == nil {
		return now.Add(life).Truncate(time.Second), nil
	}
	return time.Parse(time.RFC3339, text)
}
