package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"gatebook/httpd/client"
	"gatebook/internal/shell"
)

// defaultURL is the address of a server that was started without a configuration.
const defaultURL = "http://" + defaultListen

// folderFlags say which data folder a command means.
type folderFlags struct {
	Data   string `help:"Data folder of a server on this machine (gatebook-data), whose owner and root need no account." env:"GATEBOOK_DATA" placeholder:"FOLDER" group:"Server"`
	Config string `help:"Configuration file (TOML), for the data folder it names." type:"path" env:"GATEBOOK_CONFIG" placeholder:"FILE" group:"Server"`
}

// remoteFlags say which server a command asks, and as which account.
type remoteFlags struct {
	serverFlags
	folderFlags
}

// serverFlags say which server is asked over the network, and as which account.
type serverFlags struct {
	URL          string `name:"url" help:"Address of the server. Without it the control socket in the data folder is asked, if a server runs there; otherwise the server of the last gatebook login, or ${default_url}. Not together with --data or --config." env:"GATEBOOK_URL" placeholder:"URL" group:"Server"`
	Profile      string `help:"Login that gatebook login has made, and the server it is for." env:"GATEBOOK_PROFILE" placeholder:"NAME" group:"Server"`
	Account      string `help:"Account to log in as." env:"GATEBOOK_ACCOUNT" placeholder:"NAME" group:"Server"`
	PasswordFile string `help:"File whose first line is the account's password; - reads standard input." env:"GATEBOOK_PASSWORD_FILE" placeholder:"FILE" group:"Server"`
	TokenFile    string `help:"File whose first line is a bearer token; - reads standard input." env:"GATEBOOK_TOKEN_FILE" placeholder:"FILE" group:"Server"`
	CACert       string `name:"cacert" help:"PEM file with the authorities of the server's certificate." type:"path" env:"GATEBOOK_CACERT" placeholder:"FILE" group:"Server"`

	used *profile // the login that was kept and is used, nil when there is none
}

// with calls do with a client of the server, and explains its errors.
func (r *remoteFlags) with(ctx context.Context, to *streams, do func(*client.Client) error) error {
	c, err := r.open(ctx, to)
	if err != nil {
		return err
	}
	defer c.Close()
	return r.explain(c, do(c))
}

// open returns a client of the server: at the address that was given, at the control socket
// of the data folder, or at the usual address.
func (r *remoteFlags) open(ctx context.Context, to *streams) (*client.Client, error) {
	if !r.isGiven() {
		folder, err := dataFolder(r.Config, r.Data)
		if err != nil {
			return nil, err
		}
		local, err := dialControl(ctx, folder)
		switch {
		case local != nil:
			return local, nil
		case err != nil && (r.Data != "" || r.Config != ""):
			return nil, err
		case r.Data != "" || r.Config != "": // the server of the last login is another one's
			return nil, fmt.Errorf("no server has the data folder %s open; start one (gatebook serve --data %s), or name another with --url", folder, shell.Quote(folder))
		}
	}
	return r.dial(to)
}

// isGiven reports whether a server or a login is named.
func (r *serverFlags) isGiven() bool {
	return r.URL != "" || r.Profile != "" || r.Account != "" || r.TokenFile != ""
}

// dial returns a client of the server that was named, or of the usual one: with the login that
// was given, or the one that is kept for the server.
func (r *serverFlags) dial(to *streams) (*client.Client, error) {
	o := client.Options{UserAgent: "gatebook/" + version, Pause: to.pause}
	if err := r.credentials(&o, to); err != nil {
		return nil, err
	}
	pem, err := readAuthorities(r.CACert)
	if err != nil {
		return nil, err
	}
	address, from := r.URL, r.CACert
	if o.Token == "" && o.User == "" {
		kept, err := r.kept(to)
		if err != nil {
			return nil, err
		}
		if kept != nil {
			r.used, address, o.Token = kept, kept.URL, kept.Token
			if r.URL == "" && r.Profile == "" && to.width > 0 { // nothing that was typed says where it goes
				fmt.Fprintf(to.err, "at %s as %s\n", kept.URL, kept.Account)
			}
			if len(pem) == 0 {
				pem, from = []byte(kept.Authorities), "the profile "+kept.Name
			}
		}
	}
	if len(pem) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s has no certificate in it", from)
		}
		o.TLS = &tls.Config{RootCAs: pool}
	}
	return client.New(cmp.Or(address, defaultURL), o)
}

// kept returns the profile that is meant: the one that is named, the one of the address, or
// the default one; nil when there is none.
func (r *serverFlags) kept(to *streams) (*profile, error) {
	all, err := readProfiles(to.config)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Profile != "":
		p, err := all.named(r.Profile)
		if err == nil && r.URL != "" && !sameAddress(p.URL, r.URL) {
			err = fmt.Errorf("the profile %s is of %s, and --url says %s; give one of them", p.Name, p.URL, r.URL)
		}
		return p, err
	case r.URL != "":
		return all.at(r.URL), nil
	case all.Default != "":
		return all.named(all.Default)
	}
	return nil, nil
}

// credentials reads what the account logs in with.
func (r *serverFlags) credentials(o *client.Options, to *streams) (err error) {
	switch {
	case r.Profile != "" && (r.TokenFile != "" || r.Account != ""):
		return errors.New("--profile is given with --account or --token-file; a profile has its own login")
	case r.TokenFile != "" && r.Account != "":
		return errors.New("--account and --token-file are both given; a token has its account")
	case r.TokenFile != "":
		if o.Token, err = firstLine("token", r.TokenFile); err == nil && o.Token == "" {
			err = fmt.Errorf("there is no token in %s", r.TokenFile)
		}
	case r.Account != "":
		o.User = r.Account
		if r.PasswordFile == "" {
			o.Password, err = askPassword(r.Account, to)
			break
		}
		o.Password, err = firstLine("password", r.PasswordFile)
	case r.PasswordFile != "":
		return errors.New("--password-file is given without --account")
	}
	return err
}
