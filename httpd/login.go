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

	"gatebook/httpd/accounts"
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

// admit decides whether a request is answered, and brings its connection into the
// book before it is.
func (s *Server) admit(c *gin.Context, e endpoint) error {
	own := connOf(c.Request)
	if e.quiet {
		own = nil
	}
	if s.accounts == nil || !s.accounts.Any() {
		if own != nil {
			s.recorder.enter(c.Request.Context(), own, "")
		}
		if err := s.guard.check(c.Request, true); err != nil {
			return err
		}
		return s.activate(connOf(c.Request), accounts.Account{}, e.access)
	}
	if err := s.guard.check(c.Request, false); err != nil || e.access == forAll {
		return err
	}
	account, err := s.login(c.Request)
	if err != nil {
		return err
	}
	c.Request = c.Request.WithContext(context.WithValue(c.Request.Context(), accountKey{}, account))
	if own != nil {
		s.recorder.enter(c.Request.Context(), own, account.Name)
	}
	if err := e.access.check(account); err != nil {
		return err
	}
	return s.activate(connOf(c.Request), account, e.access)
}

// login finds out who asks.
func (s *Server) login(r *http.Request) (accounts.Account, error) {
	given := r.Header["Authorization"]
	switch len(given) {
	case 0:
		return accounts.Account{}, unauthorized("Log in with HTTP Basic, or with a bearer token.")
	case 1:
	default:
		return accounts.Account{}, &failure{
			status: http.StatusBadRequest, short: "Invalid request",
			long: "The header Authorization is given " + strconv.Itoa(len(given)) + " times; once is enough.",
		}
	}
	scheme, credentials, _ := strings.Cut(given[0], " ")
	switch strings.ToLower(scheme) {
	case "bearer":
		account, err := s.accounts.Token(clientOf(r), strings.TrimSpace(credentials))
		return account, s.denied(r, err, "with a token")
	case "basic":
		name, password, ok := r.BasicAuth()
		if !ok {
			return accounts.Account{}, unauthorized("The credentials in the header Authorization are no name and password, joined by a colon, in base64.")
		}
		account, err := s.accounts.Password(r.Context(), clientOf(r), name, password)
		return account, s.denied(r, err, "as "+strconv.Quote(shortened(name)))
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
func (s *Server) denied(r *http.Request, err error, as string) error {
	if err == nil {
		return nil
	}
	wait, waits := errors.AsType[*accounts.BackOffError](err)
	switch {
	case errors.Is(err, accounts.ErrDenied):
		s.log.Warn().Str("account", as).Str("remote", r.RemoteAddr).Msg("login failed")
		s.recorder.loginFailed(r.Context(), clientOf(r), connOf(r), as)
		return unauthorized("The name, the password or the token is wrong.")
	case waits:
		s.recorder.loginFailed(r.Context(), clientOf(r), connOf(r), as)
		seconds := strconv.Itoa(int(math.Ceil(wait.Wait.Seconds())))
		return &failure{
			status: http.StatusTooManyRequests, short: "Too many failed logins", retryAfter: seconds,
			long: "Logins from this address, or to this account, have failed too often. Try again in " + seconds + " s.",
		}
	case errors.Is(err, accounts.ErrCrowded):
		return &failure{
			status: http.StatusServiceUnavailable, short: "Busy", retryAfter: "1",
			long: "Too many logins are being verified. Try again in a second.",
		}
	}
	return err
}

// unauthorized asks for a login.
func unauthorized(long string) error {
	return &failure{status: http.StatusUnauthorized, short: "Unauthorized", long: long}
}
