package httpd

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/rs/zerolog"

	"gatebook/events"
	"gatebook/httpd/access"
	"gatebook/httpd/accounts"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
)

// signIns signs browsers in and out.
type signIns struct {
	login    *access.Login
	answers  *answers
	log      zerolog.Logger
	cookies  access.CookieScope
	resource *render.Resource[viewer]
}

// viewer is the person at a browser, as the web page has to know it.
type viewer struct {
	accounts bool // there are accounts
	account  accounts.Account
	until    time.Time // zero without a sign-in
}

func newSignIns(c Config, login *access.Login, to *answers) *signIns {
	return &signIns{
		login: login, answers: to, log: c.Logger, cookies: access.CookieScope{Base: c.BasePath, Secured: c.Certificate != nil},
		resource: render.NewResource([]render.Member[viewer]{
			{Name: "accounts", Value: func(b []byte, _ *render.Rendering, v viewer) []byte {
				if v.accounts {
					return append(b, "true"...)
				}
				return append(b, "false"...)
			}},
			{Name: "account", Value: render.TextOrNull(func(v viewer) string { return v.account.Name })},
			{Name: "role", Value: render.TextOrNull(func(v viewer) string { return string(v.account.Role) })},
			{Name: "until", Value: render.Time(func(v viewer) events.Time {
				if v.until.IsZero() {
					return 0
				}
				return events.TimeOf(v.until)
			})},
		}),
	}
}

// any reports whether there are accounts.
func (s *signIns) any() bool { return s.login.Gate != nil && s.login.Gate.Any() }

// show answers with the account of the request. It answers also when there is none, so that a
// page learns without an error that it has to ask for one.
func (s *signIns) show(c *gin.Context) error {
	if err := params.ParseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	v := viewer{accounts: s.any()}
	switch secret := access.SignInOf(c.Request); {
	case !v.accounts:
		v.account.Role = accounts.Admin
	case c.Request.Header["Authorization"] != nil:
		var err error
		if v.account, err = s.login.Account(c.Request); err != nil {
			return err
		}
	case secret != "":
		if found, err := s.login.Gate.SignedIn(secret); err == nil {
			v.account, v.until = found.Account, found.Until
		}
	}
	return s.answer(c, v)
}

// signIn signs the browser in, by a name and a password or by a token.
func (s *signIns) signIn(c *gin.Context) error {
	var q struct{ Name, Password, Token string }
	if err := readObject(c, &q); err != nil {
		return err
	}
	if err := access.CheckPage(c.Request); err != nil {
		return err
	}
	switch {
	case q.Name == "" && q.Token == "":
		return &render.Failure{
			Status: http.StatusBadRequest, Title: "Invalid request",
			Description: "Sign in by name and password, or by token.",
		}
	case !s.any():
		return &render.Failure{
			Status: http.StatusConflict, Title: "Not possible now",
			Description: "There are no accounts: clients on this machine may do everything without signing in.",
		}
	}
	var made accounts.SignIn
	var err error
	if q.Token != "" {
		made, err = s.login.Token(c.Request, q.Token)
	} else {
		made, err = s.login.Password(c.Request, q.Name, q.Password)
	}
	if err != nil {
		return err
	}
	if made.NotKept != nil {
		s.log.Warn().Err(made.NotKept).Str("account", made.Account.Name).Msg("a sign-in will be forgotten when the server stops")
	}
	s.end(c.Request) // of the cookie that this one replaces
	http.SetCookie(c.Writer, access.SignInCookie(c.Request, made.Secret, made.Until, s.cookies))
	return s.answer(c, viewer{accounts: true, account: made.Account, until: made.Until})
}

// signOut signs the browser out.
func (s *signIns) signOut(c *gin.Context) error {
	if err := params.ParseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	if err := access.CheckPage(c.Request); err != nil {
		return err
	}
	s.end(c.Request)
	http.SetCookie(c.Writer, access.SignInCookie(c.Request, "", time.Unix(0, 0), s.cookies))
	return s.answers.empty(c, http.StatusNoContent)
}

// end ends the sign-in that the request has, if it has one.
func (s *signIns) end(r *http.Request) {
	secret := access.SignInOf(r)
	if secret == "" || s.login.Gate == nil {
		return
	}
	if err := s.login.Gate.SignOut(secret); err != nil {
		s.log.Warn().Err(err).Msg("the end of a sign-in will be forgotten when the server stops")
	}
}

// answer answers with the viewer.
func (s *signIns) answer(c *gin.Context, v viewer) error {
	a := s.answers.begin(c, s.answers.present.Moment(), params.Parameters{})
	defer a.Release()
	return render.Object(a, http.StatusOK, s.resource.Usual, v)
}
