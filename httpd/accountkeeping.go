package httpd

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"gatebook/events"
	"gatebook/httpd/access"
	"gatebook/httpd/accounts"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
)

// accountKeeping shows and changes the accounts. Their tokens alone are part of the API; the
// rest is at the control socket.
type accountKeeping struct {
	answers *answers
	// manage is [Config.ManageAccounts]; nil when accounts are not managed here.
	manage   func(ctx context.Context, by string, change func(accounts.File) error) error
	resource *render.Resource[accounts.Account]
	tokens   *render.Resource[tokenOf]
	made     *render.Resource[tokenOf]
}

func newAccountKeeping(c Config, to *answers) *accountKeeping {
	return &accountKeeping{
		answers: to, manage: c.ManageAccounts, resource: accountResource(),
		tokens: render.NewResource(tokenMembers()), made: render.NewResource(madeMembers()),
	}
}

// routes returns the routes that the control socket has besides those of the API.
func (k *accountKeeping) routes() []route {
	one := func(method string, h handler) operation {
		return operation{method: method, access: access.ForAdmins, handle: h}
	}
	return []route{
		{path: "/accounts", operations: []operation{
			one(http.MethodGet, k.list).as(render.ListForms()...), one(http.MethodPost, k.add),
		}},
		{path: "/accounts/:name", operations: []operation{one(http.MethodDelete, k.remove)}},
		{path: "/accounts/:name/password", operations: []operation{one(http.MethodPut, k.setPassword)}},
	}
}

// accountResource describes an account, without its secrets.
func accountResource() *render.Resource[accounts.Account] {
	type account = accounts.Account
	return render.NewResource([]render.Member[account]{
		{Name: "name", Value: render.Text(func(v account) string { return v.Name })},
		{Name: "role", Value: render.Text(func(v account) string { return string(v.Role) })},
		{Name: "password", Value: func(b []byte, _ *render.Rendering, v account) []byte {
			return strconv.AppendBool(b, v.Password != "")
		}},
		{Name: "tokens", Value: render.Number(func(v account) uint64 { return uint64(len(v.Tokens)) })},
		{Name: "changed", Value: render.Time(func(v account) events.Time { return events.TimeOf(v.Changed) })},
	})
}

// list answers with all accounts.
func (k *accountKeeping) list(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.Fields, params.Range)
	if err != nil {
		return err
	}
	chosen, err := k.resource.Shape(p.Fields)
	if err != nil {
		return err
	}
	all, err := k.accounts(c)
	if err != nil {
		return err
	}
	return listAll(k.answers, c, k.answers.present.Moment(), p, chosen, all, "")
}

// accounts returns all accounts.
func (k *accountKeeping) accounts(c *gin.Context) (all []accounts.Account, err error) {
	err = k.with(c, func(f accounts.File) (err error) {
		all, err = f.List()
		return err
	})
	return all, err
}

// add adds an account.
func (k *accountKeeping) add(c *gin.Context) error {
	var q struct {
		Name, Password string
		Role           accounts.Role
	}
	return k.change(c, &q, func(f accounts.File) error { return f.Add(c.Request.Context(), q.Name, q.Role, q.Password) })
}

// setPassword gives an account another password.
func (k *accountKeeping) setPassword(c *gin.Context) error {
	var q struct {
		Password   string
		KeepTokens bool `json:"keep_tokens"`
	}
	name, err := pathName(c)
	if err != nil {
		return err
	}
	return k.change(c, &q, func(f accounts.File) error { return f.SetPassword(c.Request.Context(), name, q.Password, q.KeepTokens) })
}

// remove removes an account.
func (k *accountKeeping) remove(c *gin.Context) error {
	var q struct{ Force bool }
	name, err := pathName(c)
	if err != nil {
		return err
	}
	return k.change(c, &q, func(f accounts.File) error { return f.Remove(c.Request.Context(), name, q.Force) })
}

// change reads the request's object into q, makes a change, and answers 204 when it holds.
func (k *accountKeeping) change(c *gin.Context, q any, change func(accounts.File) error) error {
	if err := readObject(c, q); err != nil {
		return err
	}
	if err := k.with(c, change); err != nil {
		return err
	}
	return k.answers.empty(c, http.StatusNoContent)
}

// with calls f with the file of accounts, and returns its error as a failure.
func (k *accountKeeping) with(c *gin.Context, f func(accounts.File) error) error {
	if k.manage == nil {
		return &render.Failure{Status: http.StatusNotFound, Title: "Not found", Description: "This server does not manage accounts."}
	}
	err := k.manage(c.Request.Context(), access.Actor(c.Request), f)
	refused, ok := errors.AsType[*accounts.RefusedError](err)
	if !ok {
		return err
	}
	failure := &render.Failure{Status: http.StatusConflict, Title: "Not changed", Description: sentence(refused.Text)}
	switch refused.Why {
	case accounts.Invalid:
		failure.Status = http.StatusBadRequest
	case accounts.Unknown:
		failure.Status = http.StatusNotFound
	}
	return failure
}

// largestObject is how many bytes the object of a request may have.
const largestObject = 64 << 10

// readObject reads the JSON object of a request's body; no body is an empty object.
func readObject(c *gin.Context, into any) error {
	if err := params.ParseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	decoder := json.NewDecoder(http.MaxBytesReader(c.Writer, c.Request.Body, largestObject))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return &render.Failure{Status: http.StatusBadRequest, Title: "Invalid request", Description: "The body is no object that is known here: " + err.Error() + "."}
	}
	return nil
}
