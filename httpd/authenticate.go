package httpd

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"gatebook/httpd/access"
	"gatebook/httpd/accounts"
	"gatebook/httpd/clients"
)

// authenticator lets requests in. Its methods are safe for concurrent use.
type authenticator struct {
	guard    *access.Guard
	accounts *accounts.Gate // nil for a server without accounts
	login    *access.Login
	recorder *clients.Recorder
}

func newAuthenticator(c Config, recorder *clients.Recorder) *authenticator {
	return &authenticator{
		guard:    access.NewGuard(c.Hosts, c.Limits.RequestLine, c.Limits.Headers, c.Insecure),
		accounts: c.Accounts,
		recorder: recorder,
		login: &access.Login{Gate: c.Accounts, Failed: func(r *http.Request, user, as string, checked bool) {
			if checked {
				c.Logger.Warn().Str("account", as).Str("remote", r.RemoteAddr).Msg("login failed")
			}
			recorder.LoginFailed(r.Context(), access.ClientOf(r), clients.Of(r), user, as)
		}},
	}
}

// admit returns an error unless the request is to be answered. It records the connection of
// the request before.
func (g *authenticator) admit(c *gin.Context, e endpoint) error {
	own := clients.Of(c.Request)
	if e.unrecorded {
		own = nil
	}
	if g.accounts == nil || !g.accounts.Any() {
		if own != nil {
			g.recorder.Enter(c.Request.Context(), own, "")
		}
		if err := g.guard.Check(c.Request, true); err != nil {
			return err
		}
		return g.activate(clients.Of(c.Request), accounts.Account{}, e.access)
	}
	if err := g.guard.Check(c.Request, false); err != nil || e.access == access.ForAll {
		return err
	}
	account, err := g.login.Account(c.Request)
	if err != nil {
		return err
	}
	c.Request = access.WithAccount(c.Request, account)
	if own != nil {
		g.recorder.Enter(c.Request.Context(), own, account.Name)
	}
	if err := e.access.Check(account); err != nil {
		return err
	}
	return g.activate(clients.Of(c.Request), account, e.access)
}

// activate makes a request the active one of its connection, so that a change of accounts
// cuts it off. A request that changes something is not cut off. activate returns an error
// when accounts have changed meanwhile and the request would not be let in now.
func (g *authenticator) activate(c *clients.Conn, account accounts.Account, level access.Level) error {
	if c == nil || level.Changes() || level == access.ForAll || g.accounts == nil {
		return nil
	}
	active := clients.ActiveRequest{Account: account.Name, Allowed: func() bool { return level.Holds(g.accounts, account) }}
	if !c.Activate(&active) {
		return access.Unauthorized("The account has changed. Log in again.")
	}
	return nil
}
