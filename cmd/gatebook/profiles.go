package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"gatebook/internal/regular"
)

// profile is a login that is kept: the address of a server, and a token that it made.
type profile struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	Account string `json:"account"`
	Role    string `json:"role"`
	// Token is the secret; TokenName is its name at the server.
	Token     string    `json:"token"`
	TokenName string    `json:"token_name"`
	Ends      time.Time `json:"ends,omitzero"`
	// Authorities are those of the server's certificate (PEM), "" for the system's.
	Authorities string `json:"authorities,omitempty"`
}

// profiles are the logins that are kept in the user's configuration folder.
type profiles struct {
	// path is the file, "" where the user has no configuration folder.
	path string
	// Default names the profile that is used when neither a server nor a profile is named.
	Default string    `json:"default,omitempty"`
	All     []profile `json:"profiles"`
}

// profilesPath returns the file of the profiles in a configuration folder, "" without one.
func profilesPath(folder string) string {
	if folder == "" {
		return ""
	}
	return filepath.Join(folder, "gatebook", "profiles.json")
}

// readProfiles reads the profiles in a configuration folder. A file that others can read is an
// error, because it holds secrets.
func readProfiles(folder string) (*profiles, error) {
	p := &profiles{path: profilesPath(folder)}
	if p.path == "" {
		return p, nil
	}
	info, err := os.Stat(p.path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the profiles: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("others can read the logins in %s (mode %04o); say chmod 600 %s", p.path, info.Mode().Perm(), p.path)
	}
	text, err := regular.ReadFile(p.path)
	if err != nil {
		return nil, fmt.Errorf("read the profiles: %w", err)
	}
	if err := json.Unmarshal(text, p); err != nil {
		return nil, fmt.Errorf("%s is damaged (%w); remove it and log in again", p.path, err)
	}
	return p, nil
}

// changeProfiles changes the profiles in a configuration folder. The file is replaced as a
// whole, and locked meanwhile against another gatebook.
func changeProfiles(folder string, change func(*profiles)) (err error) {
	path := profilesPath(folder)
	if path == "" {
		return errors.New("there is no folder to keep the login in; set HOME or XDG_CONFIG_HOME")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("keep the login: %w", err)
	}
	lock, err := regular.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("keep the login: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("keep the login: %w", err)
	}
	p, err := readProfiles(folder)
	if err != nil {
		return err
	}
	change(p)
	if err := p.write(); err != nil {
		return fmt.Errorf("keep the login: %w", err)
	}
	return nil
}

// write replaces the file. Nobody else can read it.
func (p *profiles) write() error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(p.path), "profiles.json.*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(append(text, '\n'))
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), p.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

// put adds a profile, or replaces the one of its name, and makes it the default.
func (p *profiles) put(v profile) {
	p.remove(v.Name)
	p.All = append(p.All, v)
	p.Default = v.Name
}

// remove removes the profile of a name. When it was the default there is none any more.
func (p *profiles) remove(name string) {
	p.All = slices.DeleteFunc(p.All, func(v profile) bool { return v.Name == name })
	if p.Default == name {
		p.Default = ""
	}
}

// named returns the profile of a name.
func (p *profiles) named(name string) (*profile, error) {
	for i := range p.All {
		if p.All[i].Name == name {
			return &p.All[i], nil
		}
	}
	if len(p.All) == 0 {
		return nil, fmt.Errorf("there is no profile %s: there are none; make one with gatebook login URL --profile %s", name, name)
	}
	return nil, fmt.Errorf("there is no profile %s; there are: %s", name, strings.Join(p.names(), ", "))
}

// names returns the names of the profiles.
func (p *profiles) names() []string {
	all := make([]string, len(p.All))
	for i, v := range p.All {
		all[i] = v.Name
	}
	return all
}

// at returns the profile of an address: the default one, or the one that was made last; nil
// when there is none.
func (p *profiles) at(address string) *profile {
	var found *profile
	for i := range p.All {
		v := &p.All[i]
		if sameAddress(v.URL, address) && (found == nil || found.Name != p.Default) {
			found = v
		}
	}
	return found
}

// again returns the arguments with which gatebook login makes the profile again.
func (p *profile) again() string {
	if p.Name == hostOf(p.URL) {
		return p.URL
	}
	return p.URL + " --profile " + p.Name
}

// sameAddress reports whether two addresses are those of one server.
func sameAddress(a, b string) bool { return plainAddress(a) == plainAddress(b) }

// plainAddress returns an address without what does not matter in it.
func plainAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return text
	}
	host := strings.ToLower(u.Host)
	if port := map[string]string{"http": ":80", "https": ":443"}[u.Scheme]; port != "" {
		host = strings.TrimSuffix(host, port)
	}
	return u.Scheme + "://" + host + strings.TrimSuffix(u.Path, "/")
}
