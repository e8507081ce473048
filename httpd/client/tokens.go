package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Token is a bearer token of an account, without its secret.
type Token struct {
	Account string `json:"account"`
	Name    string `json:"name"`
	// Role is what it may do: the role of the account or less.
	Role string `json:"role"`
	// Made is the zero time where it is not known, Ends where the token has no end.
	Made time.Time `json:"made"`
	Ends time.Time `json:"ends"`
}

// MadeToken is a new token with its secret, which no other answer has.
type MadeToken struct {
	Account string    `json:"account"`
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	Made    time.Time `json:"made"`
	Ends    time.Time `json:"ends"`
	Secret  string    `json:"token"`
}

// NewToken describes a token to make. The zero value makes one of the caller's own account
// and role.
type NewToken struct {
	// Account is whose token it is; "" means the caller's. Only an administrator can name
	// another one, and at the control socket it has to be given.
	Account string `json:"account,omitempty"`
	// Name tells it from the account's other tokens; "" means token.
	Name string `json:"name,omitempty"`
	// Role is the caller's role or less; "" means the same.
	Role string `json:"role,omitempty"`
	// Ends is a time in the form of RFC 3339, or a duration from now such as 90d, which is
	// the default. At the control socket it can be never.
	Ends string `json:"ends,omitempty"`
	// Replace revokes a token of the same name, which is an error otherwise.
	Replace bool `json:"replace,omitempty"`
}

// MakeToken makes a token.
func (c *Client) MakeToken(ctx context.Context, n NewToken) (MadeToken, error) {
	r, err := object(http.MethodPost, "/tokens", n)
	if err != nil {
		return MadeToken{}, err
	}
	answer, err := c.send(ctx, r)
	if err != nil {
		return MadeToken{}, err
	}
	defer answer.Body.Close()
	var made MadeToken
	err = decode(answer, &made)
	return made, err
}

// Tokens returns the tokens of an account. "" means the caller's, for an administrator those
// of all accounts.
func (c *Client) Tokens(ctx context.Context, account string) ([]Token, error) {
	var list []Token
	_, err := c.get(ctx, "/tokens", ofAccount(account), &list)
	return list, err
}

// RevokeToken revokes a token of an account; "" means the caller's account.
func (c *Client) RevokeToken(ctx context.Context, account, name string) error {
	return c.do(ctx, request{method: http.MethodDelete, path: "/tokens" + segment(name), query: ofAccount(account)})
}

// ofAccount returns the query that names an account, none for the caller's.
func ofAccount(account string) url.Values {
	if account == "" {
		return nil
	}
	return url.Values{"account": {account}}
}
