package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"gatebook/cmd/gatebook/internal/table"
	"gatebook/httpd/client"
)

// loginCommand are the arguments of login.
type loginCommand struct {
	URL          string `arg:"" help:"Address of the server, as in https://gatebook.example.org:8989."`
	Account      string `help:"Account to log in as; it is asked for without it." env:"GATEBOOK_ACCOUNT" placeholder:"NAME"`
	PasswordFile string `help:"File whose first line is the account's password; - reads standard input." env:"GATEBOOK_PASSWORD_FILE" placeholder:"FILE"`
	CACert       string `name:"cacert" help:"PEM file with the authorities of the server's certificate. They are kept with the login." type:"path" env:"GATEBOOK_CACERT" placeholder:"FILE"`
	Profile      string `help:"Name of the login; the server's host and port without it." placeholder:"NAME"`
	Role         string `help:"What the login may do: admin, basic or source; the role of the account, or less." placeholder:"ROLE"`
	Ends         string `help:"When the login ends: a duration, or a date." default:"90d" placeholder:"END"`
	Name         string `help:"Name of the token at the server; your name and this machine's without it." placeholder:"NAME"`
}

// Help returns what --help adds.
func (loginCommand) Help() string {
	return `Asks for the password once, has the server make a token for this machine, and keeps the token in your configuration folder, where
nobody else can read it. The password is kept nowhere. From then on the other commands use the login: the one of --profile, the
one of the server that --url names, or the last one where neither is given.

gatebook profiles lists the logins, gatebook logout ends one.

Examples:
  gatebook login https://gatebook.example.org:8989
  gatebook login https://gatebook.example.org:8989 --account ann --role basic --profile watch
  gatebook list --profile watch`
}

// Run logs in.
func (c *loginCommand) Run(ctx context.Context, to *streams) error {
	if err := checkLoginAddress(c.URL); err != nil {
		return err
	}
	ends, err := wireEnd(c.Ends, to)
	if err != nil {
		return err
	}
	server := serverFlags{URL: c.URL, Account: c.Account, PasswordFile: c.PasswordFile, CACert: c.CACert}
	if server.Account == "" {
		if server.Account, err = askAccount(to); err != nil {
			return err
		}
	}
	authorities, err := readAuthorities(c.CACert)
	if err != nil {
		return err
	}
	asked, err := server.dial(to)
	if err != nil {
		return err
	}
	defer asked.Close()
	made, err := asked.MakeToken(ctx, client.NewToken{
		Account: server.Account, Name: cmp.Or(c.Name, tokenName()), Role: c.Role, Ends: ends, Replace: true,
	})
	switch {
	case client.IsStatus(err, http.StatusNotFound) && strings.HasSuffix(err.Error(), ": there are none."),
		client.IsStatus(err, http.StatusNotFound) && strings.HasPrefix(err.Error(), "This server does not manage accounts"):
		return fmt.Errorf("%s needs no login: it has no accounts", asked.Address())
	case err != nil:
		return server.explain(asked, err)
	}
	p := profile{
		Name: cmp.Or(c.Profile, hostOf(c.URL)), URL: strings.TrimSuffix(c.URL, "/"), Account: made.Account, Role: made.Role,
		Token: made.Secret, TokenName: made.Name, Ends: made.Ends, Authorities: string(authorities),
	}
	if err := changeProfiles(to.config, func(all *profiles) { all.put(p) }); err != nil {
		return errors.Join(err, asked.RevokeToken(ctx, made.Account, made.Name))
	}
	fmt.Fprintf(to.out, "logged in to %s as %s, with the role %s; it ends %s\n", p.URL, p.Account, p.Role, to.ends(p.Ends))
	fmt.Fprintf(to.out, "it is the profile %s, which gatebook uses from now on where no other server is named\n", p.Name)
	return nil
}

// checkLoginAddress returns an error for an address to which a password would go in the clear.
func checkLoginAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return nil // client.New says what is wrong with it
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil && ip.IsLoopback() || strings.EqualFold(host, "localhost") {
		return nil
	}
	return fmt.Errorf("%s is not encrypted, and the password could be read on its way; name the server with https://", address)
}

// askAccount asks for the account. The user's own name is taken for an empty answer.
func askAccount(to *streams) (string, error) {
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return "", errors.New("standard input is no terminal to ask for the account; use --account")
	}
	own := ""
	if u, err := user.Current(); err == nil {
		own = u.Username
	}
	fmt.Fprintf(to.err, "Account (%s): ", own)
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("read the account: %w", err)
	}
	return cmp.Or(strings.TrimSpace(line), own), nil
}

// tokenName returns the name of a token for this user on this machine, of the characters that
// names have.
func tokenName() string {
	name, host := "gatebook", ""
	if u, err := user.Current(); err == nil && u.Username != "" {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = "@" + h
	}
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-@", r) {
			return r
		}
		return '-'
	}, name+host)
	plain = strings.TrimLeft(plain, "._-@")
	return plain[:min(len(plain), 64)]
}

// hostOf returns the host and port of an address.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	if host, port, err := net.SplitHostPort(u.Host); err == nil && (port == "443" && u.Scheme == "https" || port == "80" && u.Scheme == "http") {
		return host
	}
	return u.Host
}

// logoutCommand are the arguments of logout.
type logoutCommand struct {
	Profile string `arg:"" optional:"" help:"Name of the login, as gatebook profiles lists it; the last one without it."`
	Forget  bool   `help:"Forget the login here, and do not ask the server to revoke its token."`
}

// Help returns what --help adds.
func (logoutCommand) Help() string {
	return `Has the server revoke the token of the login, and forgets it here.

Example:
  gatebook logout gatebook.example.org:8989`
}

// Run logs out.
func (c *logoutCommand) Run(ctx context.Context, to *streams) error {
	all, err := readProfiles(to.config)
	if err != nil {
		return err
	}
	name := cmp.Or(c.Profile, all.Default)
	if name == "" {
		return errors.New("there is no login to end; gatebook profiles lists them")
	}
	p, err := all.named(name)
	if err != nil {
		return err
	}
	if !c.Forget {
		if err := p.revoke(ctx, to); err != nil {
			return fmt.Errorf("%w; the login is kept; gatebook logout --forget %s forgets it here alone", err, name)
		}
	}
	if err := changeProfiles(to.config, func(all *profiles) { all.remove(name) }); err != nil {
		return err
	}
	if c.Forget {
		fmt.Fprintf(to.out, "%s is forgotten; its token %s of account %s is of use until %s\n", name, p.TokenName, p.Account, to.ends(p.Ends))
		return nil
	}
	fmt.Fprintf(to.out, "logged out of %s; the token is revoked\n", p.URL)
	return nil
}

// revoke has the server revoke the profile's token. One that the server does not accept any
// more needs no revoking.
func (p *profile) revoke(ctx context.Context, to *streams) error {
	asked := serverFlags{Profile: p.Name}
	server, err := asked.dial(to)
	if err != nil {
		return err
	}
	defer server.Close()
	err = server.RevokeToken(ctx, "", p.TokenName)
	if client.IsStatus(err, http.StatusUnauthorized) {
		return nil
	}
	return asked.explain(server, err)
}

// profilesCommand are the arguments of profiles.
type profilesCommand struct {
	Output string `short:"o" help:"Form of the list: ${enum}." enum:"table,json" default:"table"`
}

// Help returns what --help adds.
func (profilesCommand) Help() string {
	return `The logins that gatebook login has made. The one with a * is used where neither --url nor --profile is given.

Example:
  gatebook profiles`
}

// Run lists the profiles.
func (c *profilesCommand) Run(to *streams) error {
	all, err := readProfiles(to.config)
	if err != nil {
		return err
	}
	if c.Output == "json" {
		type row struct {
			Name    string    `json:"name"`
			URL     string    `json:"url"`
			Account string    `json:"account"`
			Role    string    `json:"role"`
			Token   string    `json:"token_name"`
			Ends    time.Time `json:"ends"`
			Default bool      `json:"default"`
		}
		var rows []row
		for _, p := range all.All {
			rows = append(rows, row{p.Name, p.URL, p.Account, p.Role, p.TokenName, p.Ends, p.Name == all.Default})
		}
		return printJSON(to.out, rows)
	}
	t := table.Table{Columns: []table.Column{
		{Name: "PROFILE"}, {Name: "DEFAULT"}, {Name: "URL", Least: 12, Drop: 2}, {Name: "ACCOUNT", Least: 6}, {Name: "ROLE", Drop: 1}, {Name: "ENDS", Right: true},
	}}
	for _, p := range all.All {
		mark := ""
		if p.Name == all.Default {
			mark = "*"
		}
		t.Add(p.Name, mark, p.URL, p.Account, p.Role, to.ends(p.Ends))
	}
	if len(all.All) == 0 && to.width > 0 {
		fmt.Fprintln(to.err, "there is no login; gatebook login URL makes one")
	}
	return t.Write(to.out, to.options(false))
}

// readAuthorities reads a file with certificates of authorities; none for no path.
func readAuthorities(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("read the authorities: %w", err)
	}
	return pem, nil
}
