package access

import (
	"fmt"
	"net/http"

	"gatebook/httpd/accounts"
	"gatebook/httpd/render"
)

// Level is the access that an operation needs. It matters only while there are accounts:
// without any, every client that the guard lets in may do everything.
type Level uint8

const (
	// ForAdmins is the level of operations that change something: role admin alone. It is
	// the zero value, so that an operation without a level is closed.
	ForAdmins Level = iota
	// ForReaders is the level of operations that read: roles basic and admin.
	ForReaders
	// ForSources is the level of reports: roles source and admin.
	ForSources
	// ForFeed is the level of the feed: all roles. The handler shows an account of role
	// source only the events of its own source.
	ForFeed
	// ForAccounts is the level of operations for all roles.
	ForAccounts
	// ForOwners is the level of operations that change what belongs to an account: all roles.
	// The handler lets an account change only its own, unless its role is admin.
	ForOwners
	// ForAll is the level of operations without a login.
	ForAll
)

// Allows reports whether accounts of a role reach the level.
func (l Level) Allows(role accounts.Role) bool {
	switch l {
	case ForReaders:
		return role == accounts.Basic || role == accounts.Admin
	case ForSources:
		return role == accounts.Source || role == accounts.Admin
	case ForFeed, ForAccounts, ForOwners, ForAll:
		return true
	}
	return role == accounts.Admin
}

// Changes reports whether operations of the level may change something. A change of accounts
// does not cut them off: they may be what has changed them.
func (l Level) Changes() bool { return l == ForAdmins || l == ForOwners }

// Check refuses an account whose role does not reach the level. Errors: a [*render.Failure].
func (l Level) Check(account accounts.Account) error {
	if l.Allows(account.Role) {
		return nil
	}
	return Forbidden(fmt.Sprintf("The account %s has the role %s; this needs %s.", account.Name, account.Role, l.roles()))
}

// roles returns in words the roles that reach the level, "" when all do.
func (l Level) roles() string {
	switch l {
	case ForAdmins:
		return "admin"
	case ForReaders:
		return "basic or admin"
	case ForSources:
		return "source or admin"
	}
	return ""
}

// Holds reports whether a request of an account that was let in would be let in now. The
// zero account stands for a request that was let in while there were no accounts.
func (l Level) Holds(gate *accounts.Gate, account accounts.Account) bool {
	if account.Name == "" {
		return !gate.Any()
	}
	return gate.Holds(account) && l.Allows(account.Role)
}

// Forbidden returns the failure of a request that is not answered.
func Forbidden(description string) error {
	return &render.Failure{Status: http.StatusForbidden, Title: "Forbidden", Description: description}
}

// Unauthorized returns the failure of a request that needs a login.
func Unauthorized(description string) error {
	return &render.Failure{Status: http.StatusUnauthorized, Title: "Unauthorized", Description: description}
}
