package accounts

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/bcrypt"
)

// Role is the set of things that an account may do.
type Role string

// The roles.
const (
	// Admin may do everything.
	Admin Role = "admin"
	// Basic may read.
	Basic Role = "basic"
	// Source may report as the source of the account's name, and follow the events of
	// that source.
	Source Role = "source"
)

// Roles returns all roles.
func Roles() []Role { return []Role{Admin, Basic, Source} }

// Includes reports whether an account of the role may do all that one of the other role may.
func (r Role) Includes(other Role) bool { return r == other || r == Admin }

// Account is a person or a program that may use the API. It is never changed. An account that
// a [Gate] returns has only the credential that it logged in with, and the role of that.
type Account struct {
	Name string `json:"name"`
	Role Role   `json:"role"`
	// Password is the bcrypt hash of the password, "" when the account has none.
	Password string `json:"password,omitempty"`
	// Tokens holds the tokens of the account, in the order in which they were made.
	Tokens []Token `json:"tokens,omitempty"`
	// Changed is the time of the last change.
	Changed time.Time `json:"changed"`
}

const (
	longestName = 64
	// shortestPassword is in characters, longestPassword in bytes, which is all that bcrypt
	// reads.
	shortestPassword = 8
	longestPassword  = 72
)

// reserved returns the names that mean something else in records.
func reserved() []string { return []string{"anonymous", "gatebook"} }

// CheckName returns an error for a name that no account can have.
func CheckName(name string) error {
	switch key := keyOf(name); {
	case name == "":
		return errors.New("an account needs a name")
	case len(name) > longestName:
		return fmt.Errorf("the name has %d bytes, %d are allowed", len(name), longestName)
	case slices.Contains(reserved(), key):
		return fmt.Errorf("the name %q is reserved", name)
	}
	return checkLetters(name)
}

// checkLetters returns an error for a name with other characters than those of names.
func checkLetters(name string) error {
	for i, c := range name {
		letter := c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c))
		if !letter && (i == 0 || !strings.ContainsRune("._-@", c)) {
			return fmt.Errorf("the name %q has %q in it: a name is made of the letters a to z, digits, and . _ - @ after the first", name, c)
		}
	}
	return nil
}

// CheckRole returns an error for a role that does not exist.
func CheckRole(role Role) error {
	if slices.Contains(Roles(), role) {
		return nil
	}
	return fmt.Errorf("%q is no role; it can be admin, basic or source", role)
}

// CheckPassword returns an error for a password that is too easy, or that cannot be typed or
// sent.
func CheckPassword(password string) error {
	switch n := utf8.RuneCountInString(password); {
	case n < shortestPassword:
		return fmt.Errorf("the password has %d characters; it needs at least %d", n, shortestPassword)
	case len(password) > longestPassword:
		return fmt.Errorf("the password has %d bytes; at most %d are allowed", len(password), longestPassword)
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return errors.New("the password has control characters in it, or is no UTF-8")
	}
	return nil
}

// keyOf returns the key by which names are compared.
func keyOf(name string) string { return strings.ToLower(name) }

// check returns an error for an account that this package cannot have written.
func (a Account) check() error {
	if err := errors.Join(CheckName(a.Name), CheckRole(a.Role)); err != nil {
		return err
	}
	if a.Password != "" {
		if _, err := bcrypt.Cost([]byte(a.Password)); err != nil {
			return fmt.Errorf("account %s: its password cannot be read: %w", a.Name, err)
		}
	}
	for i, token := range a.Tokens {
		if err := token.check(a); err != nil {
			return fmt.Errorf("account %s: %w", a.Name, err)
		}
		if tokenIndex(a.Tokens[:i], token.Name) >= 0 {
			return fmt.Errorf("account %s: the token %s is there twice", a.Name, token.Name)
		}
	}
	return nil
}
