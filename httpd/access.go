package httpd

import (
	"fmt"

	"gatebook/httpd/accounts"
)

// access is who may ask for an operation. Who that is matters only when there are
// accounts: without any, everybody whom the guard lets in may do everything.
type access uint8

const (
	// forAdmins is for accounts of role admin alone: what changes something. It is
	// the zero value, so that what is forgotten is closed.
	forAdmins access = iota
	// forReaders is for the roles basic and admin: what reads the book.
	forReaders
	// forSources is for the roles source and admin: reports.
	forSources
	// forFeed is for every role; the handler gives an account of role source
	// nothing but the events of its own source.
	forFeed
	// forAccounts is for every role.
	forAccounts
	// forAll is open without login.
	forAll
)

// needs are the roles that reach an access, in words; "" when all do.
func (a access) needs() string {
	switch a {
	case forAdmins:
		return "admin"
	case forReaders:
		return "basic or admin"
	case forSources:
		return "source or admin"
	}
	return ""
}

// reached tells whether a role reaches an access.
func (a access) reached(role accounts.Role) bool {
	switch a {
	case forReaders:
		return role == accounts.Basic || role == accounts.Admin
	case forSources:
		return role == accounts.Source || role == accounts.Admin
	case forFeed, forAccounts, forAll:
		return true
	}
	return role == accounts.Admin
}

// check refuses an account whose role does not reach.
func (a access) check(account accounts.Account) error {
	if a.reached(account.Role) {
		return nil
	}
	return forbidden(fmt.Sprintf("The account %s has the role %s; this needs %s.", account.Name, account.Role, a.needs()))
}

// holds reports whether a request of an account that was let in would be let in now; of the
// zero account, which stands for a time without accounts, whether there still are none.
func (a access) holds(gate *accounts.Gate, account accounts.Account) bool {
	if account.Name == "" {
		return !gate.Any()
	}
	return gate.Holds(account) && a.reached(account.Role)
}
