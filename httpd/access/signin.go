package access

import (
	"net"
	"net/http"
	"strconv"
	"strings"
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
	for _, mark := range []string{hostMark, securedMark, ""} {
		if c, err := r.Cookie(mark + cookieName(r)); err == nil && c.Value != "" {
			return c.Value
		}
	}
	return ""
}

// CookieScope says to which requests a browser adds the cookie of a sign-in.
type CookieScope struct {
	// Base is the API's base path, "" for none.
	Base string
	// Secured is set under TLS.
	Secured bool
}

// SignInCookie returns the cookie that holds a sign-in until a time, or that deletes it when
// secret is "".
func SignInCookie(r *http.Request, secret string, until time.Time, scope CookieScope) *http.Cookie {
	secured := scope.Secured || isForwardedTLS(r)
	c := &http.Cookie{
		Name: cookieName(r), Value: secret, Path: scope.Base + "/", Expires: until,
		HttpOnly: true, Secure: secured, SameSite: http.SameSiteStrictMode,
	}
	switch {
	case secured && scope.Base == "":
		c.Name = hostMark + c.Name
	case secured:
		c.Name = securedMark + c.Name
	}
	if secret == "" {
		c.MaxAge = -1
	}
	return c
}

// The beginnings of names by which a browser refuses a cookie that was not set under TLS, and
// with hostMark one that was not set by the host itself for all its paths.
const (
	hostMark    = "__Host-"
	securedMark = "__Secure-"
)

// isForwardedTLS reports whether a proxy says that the browser spoke TLS with it. Who says so
// without a proxy has a browser that does not keep the cookie, and does no other harm.
func isForwardedTLS(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https")
}

// cookieName returns the name of the cookie without its mark. A browser sends a cookie to every
// port of a host, so that the name has the port.
func cookieName(r *http.Request) string {
	if _, port, err := net.SplitHostPort(r.Host); err == nil && port != "" {
		return "gatebook-" + port
	}
	return "gatebook"
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
