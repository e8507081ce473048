package accounts

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

const (
	// UsualToken is the name of a token that is made without one.
	UsualToken = "token"
	// tokenPrefix lets people and scanners of secrets recognise a token.
	tokenPrefix = "gatebook_"
	// mostTokens is how many tokens an account may have.
	mostTokens = 100
	// longestLife bounds how far in the future the end of a token may be.
	longestLife = 10 * 366 * 24 * time.Hour
	// endedKept is how long a token that has ended stays in the file, so that its user
	// learns that it has ended.
	endedKept = 30 * 24 * time.Hour
)

// Token is a bearer token of an account, without its secret. It is never changed.
type Token struct {
	Name string `json:"name"`
	// Role is what requests with the token may do: the role of the account or less.
	Role Role `json:"role"`
	// Sum is the SHA-256 of the token, in hexadecimal.
	Sum string `json:"sha256"`
	// Made is the time at which it was made, zero when that is not known.
	Made time.Time `json:"made,omitzero"`
	// Ends is the time from which it is refused, zero when it has no end.
	Ends time.Time `json:"ends,omitzero"`
}

// HasEnded reports whether the token is refused at a time.
func (t Token) HasEnded(now time.Time) bool { return !t.Ends.IsZero() && !now.Before(t.Ends) }

// check returns an error for a token that this package cannot have written.
func (t Token) check(of Account) error {
	if err := CheckTokenName(t.Name); err != nil {
		return err
	}
	if CheckRole(t.Role) != nil || !of.Role.Includes(t.Role) {
		return fmt.Errorf("the token %s has the role %q", t.Name, t.Role)
	}
	if sum, err := hex.DecodeString(t.Sum); err != nil || len(sum) != sha256.Size {
		return errors.New("a token of it cannot be read")
	}
	return nil
}

// CheckTokenName returns an error for a name that no token can have.
func CheckTokenName(name string) error {
	switch {
	case name == "":
		return errors.New("a token needs a name")
	case len(name) > longestName:
		return fmt.Errorf("the name has %d bytes, %d are allowed", len(name), longestName)
	}
	return checkLetters(name)
}

// tokenIndex returns the place of a token in the list, -1 when there is no such token.
func tokenIndex(all []Token, name string) int {
	return slices.IndexFunc(all, func(t Token) bool { return keyOf(t.Name) == keyOf(name) })
}

// NewToken describes a token that is to be made.
type NewToken struct {
	// Name tells it from the account's other tokens.
	Name string
	// Role is the account's role or less; "" means the account's.
	Role Role
	// Ends is the time from which it is refused; zero means that it has no end.
	Ends time.Time
	// Replace revokes a token of the same name, which is an error otherwise.
	Replace bool
}

// AddToken gives an account a new token, and returns it with its secret. The file keeps only
// a hash of the secret.
func (f File) AddToken(ctx context.Context, account string, n NewToken) (made Token, secret string, err error) {
	if err := f.checkNew(n); err != nil {
		return Token{}, "", err
	}
	var random [32]byte
	rand.Read(random[:])
	secret = tokenPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	sum := sha256.Sum256([]byte(secret))
	made = Token{Name: n.Name, Role: n.Role, Sum: hex.EncodeToString(sum[:]), Made: f.now(), Ends: n.Ends.UTC()}
	err = f.edit(ctx, account, func(a *Account) ([]string, error) {
		if made.Role == "" {
			made.Role = a.Role
		}
		return f.addToken(a, made, n.Replace)
	})
	if err != nil {
		return Token{}, "", err
	}
	return made, secret, nil
}

// checkNew returns an error for a token that no account can have.
func (f File) checkNew(n NewToken) error {
	now := f.now()
	switch err := CheckTokenName(n.Name); {
	case err != nil:
		return &RefusedError{Why: Invalid, Text: err.Error()}
	case n.Role != "" && CheckRole(n.Role) != nil:
		return &RefusedError{Why: Invalid, Text: CheckRole(n.Role).Error()}
	case n.Ends.IsZero():
	case !now.Before(n.Ends):
		return refused(Invalid, "the token would have ended already, at %s; it is %s", n.Ends.UTC().Format(time.RFC3339), now.Format(time.RFC3339))
	case n.Ends.Sub(now) > longestLife:
		return refused(Invalid, "the token would end at %s; at most 10 years are allowed", n.Ends.UTC().Format(time.RFC3339))
	}
	return nil
}

// addToken adds a token to an account, and returns what that changes. It forgets the tokens
// that ended long ago.
func (f File) addToken(a *Account, made Token, replace bool) ([]string, error) {
	if !a.Role.Includes(made.Role) {
		return nil, refused(Invalid, "the account %s has the role %s, so a token of it cannot have the role %s", a.Name, a.Role, made.Role)
	}
	now := f.now()
	tokens := slices.DeleteFunc(slices.Clone(a.Tokens), func(t Token) bool { return t.HasEnded(now.Add(-endedKept)) })
	what := []string{changedToken}
	if i := tokenIndex(tokens, made.Name); i >= 0 {
		if !replace {
			return nil, refused(Exists, "account %s has a token %s already; revoke it, replace it, or give this one another name", a.Name, tokens[i].Name)
		}
		tokens = slices.Delete(tokens, i, i+1)
		what = []string{changedRevoked, changedToken}
	}
	if len(tokens) >= mostTokens {
		return nil, refused(TooMany, "account %s has %d tokens, as many as are allowed; revoke one of them", a.Name, len(tokens))
	}
	a.Tokens = append(tokens, made)
	return what, nil
}

// RevokeToken removes a token of an account.
func (f File) RevokeToken(ctx context.Context, account, name string) error {
	return f.edit(ctx, account, func(a *Account) ([]string, error) {
		i := tokenIndex(a.Tokens, name)
		if i < 0 {
			return nil, refused(Unknown, "account %s has no token %s; %s", a.Name, name, describeTokens(a.Tokens))
		}
		a.Tokens = slices.Delete(slices.Clone(a.Tokens), i, i+1)
		return []string{changedRevoked}, nil
	})
}

// RevokeTokens removes all tokens of an account.
func (f File) RevokeTokens(ctx context.Context, account string) error {
	return f.edit(ctx, account, func(a *Account) ([]string, error) {
		a.Tokens = nil
		return []string{changedRevoked}, nil
	})
}

// describeTokens says which tokens an account has.
func describeTokens(all []Token) string {
	if len(all) == 0 {
		return "it has none"
	}
	names := make([]string, len(all))
	for i, t := range all {
		names[i] = t.Name
	}
	return "it has: " + strings.Join(names, ", ")
}
