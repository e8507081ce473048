package mysql

import "fmt"

// Common returns the capabilities that a client asks for in p, its login, and that the
// server has offered.
func Common(p Packet, g Greeting) Capabilities {
	c := cursor{rest: p.Payload()}
	asked := Capabilities(c.number(4))
	if asked&Protocol41 == 0 {
		asked &= 0xffff // before version 4.1 there are no more
	}
	return asked & g.Capabilities
}

// ParseChangeUser reads the packet by which a client logs in again over an established
// connection. common are the capabilities that client and server have agreed on, collation is that
// of the login before. A text that the packet does not have is "".
func ParseChangeUser(p Packet, common Capabilities, collation Collation) (Login, error) {
	c := cursor{rest: p.Payload()}
	if command := c.number(1); command != commandChangeUser {
		return Login{}, fmt.Errorf("%w: command %#02x where a change of user was", ErrMalformed, command)
	}
	user := c.terminated()
	if common&SecureConnection != 0 {
		c.take(c.number(1))
	} else {
		c.terminated()
	}
	if c.short {
		return Login{}, fmt.Errorf("%w: a change of user cut short", ErrMalformed)
	}
	database := c.tail()
	if len(c.rest) >= 2 {
		collation = Collation(c.number(2))
	}
	login := Login{Collation: collation, User: collation.Text(user), Database: collation.Text(database)}
	if len(c.rest) == 0 {
		return login, nil
	}
	if common&PluginAuth != 0 {
		login.Plugin = string(c.tail())
	}
	if common&ConnectAttributes != 0 && len(c.rest) > 0 {
		login.Program = collation.Text(attribute(&c, "program_name"))
	}
	return login, nil
}
