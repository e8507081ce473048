package httpd

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"gatebook/events"
	"gatebook/httpd/access"
	"gatebook/httpd/accounts"
	"gatebook/httpd/control"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/internal/when"
)

const (
	tokensPath = "/tokens"
	// usualLife is how long a token lasts that is made without an end.
	usualLife = 90 * 24 * time.Hour
	// endless is the end of a token that has none.
	endless = "never"
)

// tokenOf is a token of an account. secret is the token itself, which only the answer that
// makes it has.
type tokenOf struct {
	account string
	secret  string
	accounts.Token
}

// tokenMembers describes a token, without its secret.
func tokenMembers() []render.Member[tokenOf] {
	return []render.Member[tokenOf]{
		{Name: "account", Value: render.Text(func(v tokenOf) string { return v.account })},
		{Name: "name", Value: render.Text(func(v tokenOf) string { return v.Name })},
		{Name: "role", Value: render.Text(func(v tokenOf) string { return string(v.Role) })},
		{Name: "made", Value: render.Time(func(v tokenOf) events.Time { return timeOrNull(v.Made) })},
		{Name: "ends", Value: render.Time(func(v tokenOf) events.Time { return timeOrNull(v.Ends) })},
	}
}

// madeMembers describes a new token, with its secret.
func madeMembers() []render.Member[tokenOf] {
	secret := render.Member[tokenOf]{Name: "token", Value: render.Text(func(v tokenOf) string { return v.secret })}
	return append(tokenMembers(), secret)
}

// timeOrNull returns a time as it is rendered, null when it is not known.
func timeOrNull(t time.Time) events.Time {
	if t.IsZero() {
		return 0
	}
	return events.TimeOf(t)
}

// tokenOwner is the caller of an operation on tokens.
type tokenOwner struct {
	// name is the account of the caller, "" at the control socket and while there are no
	// accounts.
	name string
	role accounts.Role
	// ends is when the token ends that the caller logged in with, zero when there is none.
	ends  time.Time
	local bool // at the control socket
}

// ownerOf returns the caller of a request.
func ownerOf(r *http.Request) tokenOwner {
	_, local := control.PeerOf(r)
	account, ok := access.AccountOf(r)
	if local || !ok {
		return tokenOwner{role: accounts.Admin, local: local}
	}
	o := tokenOwner{name: account.Name, role: account.Role}
	if len(account.Tokens) > 0 {
		o.ends = account.Tokens[0].Ends
	}
	return o
}

// owns reports whether an account is the caller's.
func (o tokenOwner) owns(account string) bool { return strings.EqualFold(o.name, account) }

// account returns the account whose tokens are meant: the one that is given, or the caller's.
// Errors: a [*render.Failure].
func (o tokenOwner) account(given string) (string, error) {
	switch {
	case given == "" && o.name == "":
		return "", params.Invalid("Name the account of the token: account is missing.")
	case given != "" && !o.owns(given) && o.role != accounts.Admin:
		return "", access.Forbidden("The account " + o.name + " has the role " + string(o.role) + ": it may see and change only its own tokens.")
	}
	return cmp.Or(given, o.name), nil
}

// allows refuses to replace or revoke a token that may do more than the caller, such as that
// of an administrator with a token for reading.
func (o tokenOwner) allows(all []accounts.Account, account, token string) error {
	for _, a := range all {
		for _, t := range a.Tokens {
			if strings.EqualFold(a.Name, account) && strings.EqualFold(t.Name, token) && !o.role.Includes(t.Role) {
				return access.Forbidden("The token " + t.Name + " has the role " + string(t.Role) + "; it cannot be changed with the role " + string(o.role) + ".")
			}
		}
	}
	return nil
}

// listTokens answers with the tokens of the caller's account; for an administrator with those
// of all accounts.
func (k *accountKeeping) listTokens(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.Fields, params.Account, params.Range)
	if err != nil {
		return err
	}
	chosen, err := k.tokens.Shape(p.Fields)
	if err != nil {
		return err
	}
	owner := ownerOf(c.Request)
	account := p.Account
	if account != "" || owner.role != accounts.Admin {
		if account, err = owner.account(account); err != nil {
			return err
		}
	}
	all, err := k.accounts(c)
	if err != nil {
		return err
	}
	return listAll(k.answers, c, k.answers.present.Moment(), p, chosen, tokensIn(all, account), "")
}

// tokensIn returns the tokens of an account, "" meaning all accounts.
func tokensIn(all []accounts.Account, account string) []tokenOf {
	var tokens []tokenOf
	for _, a := range all {
		if account != "" && !strings.EqualFold(a.Name, account) {
			continue
		}
		for _, t := range a.Tokens {
			tokens = append(tokens, tokenOf{account: a.Name, Token: t})
		}
	}
	return tokens
}

// makeToken makes a token and answers with it.
func (k *accountKeeping) makeToken(c *gin.Context) error {
	var q struct {
		Account, Name string
		Role          accounts.Role
		Ends          string
		Replace       bool
	}
	if err := readObject(c, &q); err != nil {
		return err
	}
	owner := ownerOf(c.Request)
	account, err := owner.account(q.Account)
	if err != nil {
		return err
	}
	n := accounts.NewToken{Name: cmp.Or(q.Name, accounts.UsualToken), Role: q.Role, Replace: q.Replace}
	if n.Role == "" && owner.owns(account) {
		n.Role = owner.role
	}
	if !owner.role.Includes(n.Role) && n.Role != "" && accounts.CheckRole(n.Role) == nil {
		return access.Forbidden("This login has the role " + string(owner.role) + "; it cannot make a token with the role " + string(n.Role) + ".")
	}
	if n.Ends, err = owner.endOf(q.Ends, k.answers.present.Now()); err != nil {
		return err
	}
	made := tokenOf{account: account}
	if err := k.with(c, func(f accounts.File) error {
		all, err := f.List()
		if err != nil {
			return err
		}
		if err := owner.allows(all, account, n.Name); err != nil {
			return err
		}
		if i := slices.IndexFunc(all, func(a accounts.Account) bool { return strings.EqualFold(a.Name, account) }); i >= 0 {
			made.account = all[i].Name
		}
		made.Token, made.secret, err = f.AddToken(c.Request.Context(), account, n)
		return err
	}); err != nil {
		return err
	}
	c.Header("Location", k.answers.base+tokensPath+"/"+url.PathEscape(made.Name))
	a := k.answers.begin(c, k.answers.present.Moment(), params.Parameters{})
	defer a.Release()
	return render.Object(a, http.StatusCreated, k.made.Usual, made)
}

// endOf returns the end of a new token: a time, a duration from now, or, at the control socket,
// never. A token cannot make one that lasts longer than itself.
func (o tokenOwner) endOf(text string, now time.Time) (time.Time, error) {
	switch {
	case text == endless && o.local:
		return time.Time{}, nil
	case text == endless:
		return time.Time{}, params.Invalid("A token without an end can be made only on the server's own machine, with gatebook user token.")
	case text == "":
		ends := now.Add(usualLife)
		if !o.ends.IsZero() && o.ends.Before(ends) {
			return o.ends, nil
		}
		return ends, nil
	}
	ends, err := time.Parse(time.RFC3339, text)
	if err != nil {
		life, wrong := when.Duration(text)
		if wrong != nil {
			return time.Time{}, params.Invalid("ends=%s is neither a time, as in 2027-01-31T00:00:00Z, nor a duration from now, as in 90d.", text)
		}
		ends = now.Add(life)
	}
	if !o.ends.IsZero() && ends.After(o.ends) {
		return time.Time{}, access.Forbidden("A token cannot make one that lasts longer than itself: this one ends at " +
			o.ends.UTC().Format(time.RFC3339) + ". Log in with the password.")
	}
	return ends, nil
}

// revokeToken revokes a token.
func (k *accountKeeping) revokeToken(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.Account)
	if err != nil {
		return err
	}
	name, err := pathName(c)
	if err != nil {
		return err
	}
	owner := ownerOf(c.Request)
	account, err := owner.account(p.Account)
	if err != nil {
		return err
	}
	if err := k.with(c, func(f accounts.File) error {
		all, err := f.List()
		if err != nil {
			return err
		}
		if err := owner.allows(all, account, name); err != nil {
			return err
		}
		return f.RevokeToken(c.Request.Context(), account, name)
	}); err != nil {
		return err
	}
	return k.answers.empty(c, http.StatusNoContent)
}
