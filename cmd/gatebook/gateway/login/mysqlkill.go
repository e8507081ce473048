package login

import (
	"errors"
	"fmt"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/relay"
)

// mysqlKill ends what a server of MySQL or MariaDB does for a session, by an account that
// the server has for this.
type mysqlKill struct {
	thread  uint32
	buffers *relay.Buffers
}

// Cancel logs in by the server's account and ends the session's connection. That must be
// open still, so that its number is no other's.
func (k mysqlKill) Cancel(server *Server) error {
	account, ok := server.account()
	if !ok {
		return errors.New("the server has no account to end connections with")
	}
	c := &mysqlCall{server: server, packets: &packets{conn: server.Conn, frame: mysql.Frame, buffers: k.buffers}}
	defer c.packets.release()
	if err := c.logIn(account, k.buffers); err != nil {
		return fmt.Errorf("log in to end connection %d: %w", k.thread, err)
	}
	if err := c.write(mysql.AppendKill(nil, k.thread)); err != nil {
		return fmt.Errorf("end connection %d: %w", k.thread, err)
	}
	if err := c.accepted(); err != nil {
		if e, ok := errors.AsType[refusedCall](err); !ok || !e.said.Ended() {
			return fmt.Errorf("end connection %d: %w", k.thread, err)
		}
	}
	return c.write(mysql.AppendQuit(nil))
}

// mysqlCall is a connection of the gateway's own to a server.
type mysqlCall struct {
	server  *Server
	packets *packets
}

// refusedCall is the error of a server that refuses something.
type refusedCall struct{ said mysql.Error }

// Error returns the server's words.
func (e refusedCall) Error() string { return e.said.String() }

// write sends packets.
func (c *mysqlCall) write(b []byte) error {
	_, err := c.server.Conn.Write(b)
	return err
}

// next blocks until the server's next packet is there. An error of the server is returned as
// one.
func (c *mysqlCall) next() (mysql.Packet, error) {
	p, err := c.packets.next()
	if err == nil && mysql.ReplyOf(p) == mysql.ReplyError {
		err = refusedCall{mysql.ParseError(p)}
	}
	return p, err
}

// accepted blocks until the server's OK.
func (c *mysqlCall) accepted() error {
	p, err := c.next()
	if err == nil && mysql.ReplyOf(p) != mysql.ReplyOK {
		err = fmt.Errorf("%w: an answer that is no OK", mysql.ErrMalformed)
	}
	return err
}

// logIn logs in, through TLS if the gateway speaks TLS to the server.
func (c *mysqlCall) logIn(account Account, buffers *relay.Buffers) error {
	p, err := c.next()
	if err != nil {
		return err
	}
	greeting, err := mysql.ParseGreeting(p)
	if err != nil {
		return err
	}
	challenge, err := mysql.ParseChallenge(p)
	if err != nil {
		return err
	}
	answer, err := challenge.Answer(account.Password)
	if err != nil { // the server may want another plugin for this user
		answer = nil
	}
	login := mysql.Packet(mysql.AppendLogin(nil, 1, account.User, challenge.Plugin, answer))
	secured := c.server.TLS != nil && greeting.Capabilities&mysql.TLS != 0
	switch {
	case secured:
		login.SetTLS(true)
		login.SetSequence(2)
		if err := c.write(login.AppendTLSRequest(nil, 1)); err != nil {
			return err
		}
		if err := c.server.startTLS(buffers); err != nil {
			return err
		}
	case c.server.RequireTLS:
		return errors.New("the server offers no TLS")
	}
	if err := c.write(login); err != nil {
		return err
	}
	return c.authenticate(account, secured)
}

// authenticate follows the authentication to its end.
func (c *mysqlCall) authenticate(account Account, secured bool) error {
	for {
		p, err := c.next()
		switch {
		case err != nil:
			return err
		case mysql.ReplyOf(p) == mysql.ReplyOK:
			return nil
		case p.Switched() != "":
			err = c.answer(p, account)
		case p.WantsPassword() && secured:
			err = c.write(mysql.AppendPassword(nil, p.Sequence()+1, account.Password))
		case p.WantsPassword():
			err = errors.New(cachingSHA2 + " wants the password itself, which is sent through TLS alone")
		}
		if err != nil {
			return err
		}
	}
}

// answer answers the challenge of another plugin.
func (c *mysqlCall) answer(p mysql.Packet, account Account) error {
	challenge, err := mysql.ParseSwitch(p)
	if err != nil {
		return err
	}
	answer, err := challenge.Answer(account.Password)
	if err != nil {
		return err
	}
	return c.write(mysql.AppendAnswer(nil, p.Sequence()+1, answer))
}
