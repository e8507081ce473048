package gateway

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"gatebook/cmd/gatebook/gateway/login"
)

// checkAccount returns what is wrong with the account by which the gateway ends connections
// to a server.
func (c Config) checkAccount(s Server) error {
	switch {
	case (s.KillUser == "") != (s.KillPasswordFile == ""):
		return errors.New("kill_user and kill_password_file are of use together alone")
	case s.KillUser != "" && (c.served(s.Name, Postgres) || c.served(s.Name, TCP)):
		return errors.New("kill_user is for mysql: PostgreSQL cancels queries without an account, and of plain TCP nothing is known")
	}
	return nil
}

// loadAccount returns the account by which the gateway ends connections to the server. A line
// end behind the password does not belong to it.
func (s Server) loadAccount() (login.Account, error) {
	text, err := os.ReadFile(s.KillPasswordFile)
	if err != nil {
		return login.Account{}, fmt.Errorf("read kill_password_file: %w", err)
	}
	return login.Account{User: s.KillUser, Password: strings.TrimRight(string(text), "\r\n")}, nil
}
