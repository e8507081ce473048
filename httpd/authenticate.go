package httpd

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/rs/zerolog"

	"gatebook/httpd/accounts"
	"gatebook/httpd/render"
)

// accountKey is the key of a request's context for who asks.
type accountKey struct{}

// accountOf is who asks; false while there are no accounts, and where nobody has to
// log in.
func accountOf(r *http.Request) (accounts.Account, bool) {
	a, ok := r.Context().Value(accountKey{}).(accounts.Account)
	return a, ok
}

// actor is who asks, for the record: an account, or an address while there are none.
func actor(r *http.Request) string {
	if a, ok := accountOf(r); ok {
		return a.Name
	}
	const nobody = "anonymous"
	if client := clientOf(r); client.IsValid() {
		return nobody + "@" + client.String()
	}
	return nobody
}

// clientOf is the address that a request came from, invalid when it is not known.
func clientOf(r *http.Request) netip.Addr {
	client, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return client.Addr().Unmap()
}

// authenticator lets requests in. Its methods are safe for concurrent use.
type authenticator struct {
	guard    guard
	accounts *accounts.Gate // nil when there can be none
	recorder *connRecorder
	log      zerolog.Logger
}

// admit decides whether a request is answered, and brings its connection into the
// book before it is.
func (g *authenticator) admit(c *gin.Context, e endpoint) error {
	own := connOf(c.Request)
	if e.quiet {
		own = nil
	}
	if g.accounts == nil || !g.accounts.Any() {
		if own != nil {
			g.recorder.enter(c.Request.Context(), own, "")
		}
		if err := g.guard.check(c.Request, true); err != nil {
			return err
		}
		return g.activate(connOf(c.Request), accounts.Account{}, e.access)
	}
	if err := g.guard.check(c.Request, false); err != nil || e.access == forAll {
		return err
	}
	account, err := g.login(c.Request)
	if err != nil {
		return err
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), accountKey{}, account))
	if own != nil {
		g.recorder.enter(c.Request.Context(), own, account.Name)
	}
	if err := e.access.check(account); err != nil {
		return err
	}
	return g.activate(connOf(c.Request), account, e.access)
}

// login finds out who asks.
func (g *authenticator) login(r *http.Request) (accounts.Account, error) {
	given := r.Header["Authorization"]
	switch len(given) {
	case 0:
		return accounts.Account{}, unauthorized("Log in with HTTP Basic, or with a bearer token.")
	case 1:
	default:
		return accounts.Account{}, &render.Failure{
			Status: http.StatusBadRequest, Title: "Invalid request",
			Description: "The header Authorization is given " + strconv.Itoa(len(given)) + " times; once is enough.",
		}
	}
	scheme, credentials, _ := strings.Cut(given[0], " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		account, err := g.accounts.Token(clientOf(r), strings.TrimSpace(credentials))
		return account, g.denied(r, err, "with a token")
	case "basic":
		name, password, ok := r.BasicAuth()
		if !ok {
			return accounts.Account{}, unauthorized("The credentials in the header Authorization are no name and password, joined by a colon, in base64.")
		}
		account, err := g.accounts.Password(r.Context(), clientOf(r), name, password)
		return account, g.denied(r, err, "as "+strconv.Quote(shortened(name)))
	}
	return accounts.Account{}, unauthorized("The header Authorization has a scheme that is not known here: it is Basic or Bearer.")
}

// shortened is what of a name that somebody gave is kept.
func shortened(name string) string {
	const kept = 64
	return strings.ToValidUTF8(name[:min(len(name), kept)], "\uFFFD")
}

// denied says how a login that failed is answered, and keeps it on the record. as
// says who it was to be.
func (g *authenticator) denied(r *http.Request, err error, as string) error {
	if err == nil {
		return nil
	}
	wait, waits := errors.AsType[*accounts.BackOffError](err)
	switch {
	case errors.Is(err, accounts.ErrDenied):
		g.log.Warn().Str("account", as).Str("remote", r.RemoteAddr).Msg("login failed")
		g.recorder.loginFailed(r.Context(), clientOf(r), connOf(r), as)
		return unauthorized("The name, the password or the token is wrong.")
	case waits:
		g.recorder.loginFailed(r.Context(), clientOf(r), connOf(r), as)
		seconds := strconv.Itoa(int(math.Ceil(wait.Wait.Seconds())))
		return &render.Failure{
			Status: http.StatusTooManyRequests, Title: "Too many failed logins", RetryAfter: seconds,
			Description: "Logins from this address, or to this account, have failed too often. Try again in " + seconds + " s.",
		}
	case errors.Is(err, accounts.ErrCrowded):
		return &render.Failure{
			Status: http.StatusServiceUnavailable, Title: "Busy", RetryAfter: "1",
			Description: "Too many logins are being verified. Try again in a second.",
		}
	}
	return err
}

// unauthorized asks for a login.
func unauthorized(long string) error {
	return &render.Failure{Status: http.StatusUnauthorized, Title: "Unauthorized", Description: long}
}

// activate makes a request the active one of its connection, unless it changes something:
// that is answered to its end. It returns an error when accounts have changed meanwhile,
// and the request would not be let in now.
func (g *authenticator) activate(c *conn, account accounts.Account, a access) error {
	if c == nil || a == forAdmins || a == forAll || g.accounts == nil {
		return nil
	}
	active := &activeRequest{account: account.Name, allowed: func() bool { return a.holds(g.accounts, account) }}
	c.active.Store(active)
	// revoke may have looked before the request was active.
	if !active.allowed() {
		return unauthorized("The account has changed. Log in again.")
	}
	return nil
}
