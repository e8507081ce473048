package httpd

import (
	"github.com/gin-gonic/gin"

	"gatebook/httpd/access"
	"gatebook/httpd/accounts"
	"gatebook/httpd/control"
)

// localUsers lets in the requests that come by the control socket: as an administrator whose
// name is that of the user at its other end. No web page and no other machine reaches a
// socket, so hosts and origins do not matter.
type localUsers struct{ guard *access.Guard }

func newLocalUsers(c Config) *localUsers {
	return &localUsers{guard: access.NewGuard(c.Hosts, c.Limits.RequestLine, c.Limits.Headers, true)}
}

// admit returns an error unless the request came by the socket and is not too long.
func (g *localUsers) admit(c *gin.Context, _ endpoint) error {
	peer, ok := control.PeerOf(c.Request)
	if !ok {
		return access.Forbidden("This request has not come by the control socket.")
	}
	if err := g.guard.CheckSize(c.Request); err != nil {
		return err
	}
	c.Request = access.WithAccount(c.Request, accounts.Account{Name: control.Actor(int(peer.UID)), Role: accounts.Admin})
	return nil
}
