package access

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"gatebook/httpd/accounts"
	"gatebook/httpd/render"
)

// longestKeptName bounds how much of the name in a failed login is kept.
const longestKeptName = 64

// Login finds the accounts of requests by their credentials.
type Login struct {
	// Gate holds the accounts.
	Gate *accounts.Gate
	// Failed is called for each login that fails. user is the name that was tried, cut, and ""
	// with a token; as describes the credentials. checked is false when they were not
	// compared, because logins have failed too often before.
	Failed func(r *http.Request, user, as string, checked bool)
}

// Account returns the account whose credentials the request has. Errors: a [*render.Failure].
func (l *Login) Account(r *http.Request) (accounts.Account, error) {
	given := r.Header["Authorization"]
	switch len(given) {
	case 0:
		if secret := SignInOf(r); secret != "" {
			return l.signedIn(r, secret)
		}
		return accounts.Account{}, Unauthorized("Log in with HTTP Basic, or with a bearer token.")
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
		account, err := l.Gate.Token(ClientOf(r), strings.TrimSpace(credentials))
		return account, l.failure(r, err, "", "with a token")
	case "basic":
		name, password, ok := r.BasicAuth()
		if !ok {
			return accounts.Account{}, Unauthorized("The credentials in the header Authorization are no name and password, joined by a colon, in base64.")
		}
		account, err := l.Gate.Password(r.Context(), ClientOf(r), name, password)
		return account, l.failure(r, err, shortened(name), "as "+strconv.Quote(shortened(name)))
	}
	return accounts.Account{}, Unauthorized("The header Authorization has a scheme that is not known here: it is Basic or Bearer.")
}

// shortened returns the beginning of a name, as valid UTF-8.
func shortened(name string) string {
	return strings.ToValidUTF8(name[:min(len(name), longestKeptName)], "\uFFFD")
}

// failure returns the answer to an error of the gate.
func (l *Login) failure(r *http.Request, err error, user, as string) error {
	if err == nil {
		return nil
	}
	wait, backsOff := errors.AsType[*accounts.BackOffError](err)
	expired, hasExpired := errors.AsType[*accounts.ExpiredError](err)
	switch {
	case hasExpired:
		l.Failed(r, expired.Account, "with the token "+expired.Token+" of "+expired.Account+", which has expired", true)
		return Unauthorized("The token " + expired.Token + " of the account " + expired.Account + " expired at " +
			expired.Ended.UTC().Format(time.RFC3339) + ". Log in again for a new one.")
	case errors.Is(err, accounts.ErrDenied):
		l.Failed(r, user, as, true)
		return Unauthorized("The name, the password or the token is wrong.")
	case backsOff:
		l.Failed(r, user, as, false)
		seconds := strconv.Itoa(int(math.Ceil(wait.Wait.Seconds())))
		return &render.Failure{
			Status: http.StatusTooManyRequests, Title: "Too many failed logins", RetryAfter: seconds,
			Description: "Logins to this account from this network have failed too often. Try again in " + seconds + " s.",
		}
	case errors.Is(err, accounts.ErrCrowded):
		return &render.Failure{
			Status: http.StatusServiceUnavailable, Title: "Busy", RetryAfter: "1",
			Description: "Too many logins are being verified. Try again in a second.",
		}
	}
	return err
}
