package access

import (
	"net"
	"net/http"
	"strconv"
	"time"

	"gatebook/httpd/accounts"
)

// headerPage marks the requests of the web page. A page of another origin cannot set it
// without asking first, and it is never allowed to.
const headerPage = "Gatebook-Page"

// IsOfPage reports whether the web page makes the request.
func IsOfPage(r *http.Request) bool { return r.Header[headerPage] != nil }

// CheckPage refuses a request that changes something and that the web page does not make.
// Errors: a [*render.Failure].
func CheckPage(r *http.Request) error {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return nil
	}
	if IsOfPage(r) {
		return nil
	}
	return Forbidden("A request of a signed-in browser that changes something needs the header " + headerPage + ": 1.")
}

// signedIn returns the account of a signed-in browser.
func (l *Login) signedIn(r *http.Request, secret string) (accounts.Account, error) {
	found, err := l.Gate.SignedIn(secret)
	if err != nil {
		return accounts.Account{}, Unauthorized("The sign-in has ended. Sign in again.")
	}
	return found.Account, CheckPage(r)
}

// Password signs a browser in. Errors: a [*render.Failure].
func (l *Login) Password(r *http.Request, name, password string) (accounts.SignIn, error) {
	made, err := l.Gate.SignIn(r.Context(), ClientOf(r), name, password)
	return made, l.failure(r, err, shortened(name), "as "+strconv.Quote(shortened(name)))
}

// Token signs a browser in by a token. Errors: a [*render.Failure].
func (l *Login) Token(r *http.Request, token string) (accounts.SignIn, error) {
	made, err := l.Gate.SignInByToken(ClientOf(r), token)
	return made, l.failure(r, err, "", "with a token")
}

// SignInOf returns the secret of the browser's sign-in, "" for none.
func SignInOf(r *http.Request) string {
	for _, secured := range []bool{true, false} {
		if c, err := r.Cookie(cookieName(r, secured)); err == nil && c.Value != "" {
			return c.Value
		}
	}
	return ""
}

// SignInCookie returns the cookie that holds a sign-in until a time, or that deletes it when
// secret is "". secured is set under TLS.
func SignInCookie(r *http.Request, secret string, until time.Time, secured bool) *http.Cookie {
	c := &http.Cookie{
		Name: cookieName(r, secured), Value: secret, Path: "/", Expires: until,
		HttpOnly: true, Secure: secured, SameSite: http.SameSiteStrictMode,
	}
	if secret == "" {
		c.MaxAge = -1
	}
	return c
}

// cookieName returns the name of the cookie. A browser sends a cookie to every port of a host,
// so that the name has the port; and under TLS the prefix by which the browser refuses one that
// something else has set.
func cookieName(r *http.Request, secured bool) string {
	name := "gatebook"
	if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" {
		name += "-" + port
	}
	if secured {
		return "__Host-" + name
	}
	return name
}

// Challenge returns the values of WWW-Authenticate for a request that needs a login. Basic
// would have the browser ask for a password in a window of its own, which the web page does
// itself.
func Challenge(r *http.Request) []string {
	bearer := `Bearer realm="gatebook"`
	if IsOfPage(r) {
		return []string{bearer}
	}
	return []string{`Basic realm="gatebook", charset="UTF-8"`, bearer}
}
