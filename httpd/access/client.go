package access

import (
	"context"
	"net/http"
	"net/netip"

	"gatebook/httpd/accounts"
)

// accountKey is the key of a request's context for its account.
type accountKey struct{}

// WithAccount returns the request as one of an account.
func WithAccount(r *http.Request, account accounts.Account) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), accountKey{}, account))
}

// AccountOf returns the account of a request; false while there are no accounts, and for an
// operation without a login.
func AccountOf(r *http.Request) (accounts.Account, bool) {
	a, ok := r.Context().Value(accountKey{}).(accounts.Account)
	return a, ok
}

// Actor returns the name under which a request is recorded: its account, or its address
// while there are none.
func Actor(r *http.Request) string {
	if a, ok := AccountOf(r); ok {
		return a.Name
	}
	const anonymous = "anonymous"
	if client := ClientOf(r); client.IsValid() {
		return anonymous + "@" + client.String()
	}
	return anonymous
}

// ClientOf returns the address that a request came from, invalid when it is not known.
func ClientOf(r *http.Request) netip.Addr {
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return client.Addr().Unmap()
}
