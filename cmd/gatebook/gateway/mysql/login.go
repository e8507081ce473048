package mysql

import "fmt"

// Login is what the gateway needs of the packet with which a client answers a greeting.
type Login struct {
	// TLS: the client asks to begin TLS instead, and the rest is empty.
	TLS bool
	// Old: the login is of before version 4.1.
	Old bool
	// Collation is that of the client's character set.
	Collation Collation
	// Compressed: everything after the login will be compressed.
	Compressed bool
	// Zstd: in the way of zstd, or perhaps so.
	Zstd bool

	// User and the other texts are in UTF-8.
	User     string
	Database string
	// Program is the connection attribute program_name.
	Program string
	// Plugin is the authentication plugin the client has answered with.
	Plugin string
}

// tlsRequestSize is the payload of a request for TLS: a login cut before the
// user's name.
const tlsRequestSize = 32

// ParseLogin reads a client's first packet, which answers g. As the server
// does, it ignores capabilities that were not offered.
func ParseLogin(p Packet, g Greeting) (Login, error) {
	c := cursor{rest: p.Payload()}
	asked := Capabilities(c.number(4)) // of before version 4.1 it has 2 bytes, which are the same
	if asked&TLS != 0 && len(p.Payload()) == tlsRequestSize {
		return Login{TLS: true}, nil
	}
	asked &= g.Capabilities
	if asked&Protocol41 == 0 {
		return parseOld(p, g)
	}
	c.take(4) // packet size
	collation := Collation(c.number(1))
	c.take(tlsRequestSize - 9) // filler, MariaDB's capabilities
	login := Login{
		Collation:  collation,
		Compressed: asked&(Compress|CompressZstd) != 0,
		Zstd:       asked&CompressZstd != 0,
		User:       collation.Text(c.terminated()),
	}
	skipAuth(&c, asked)
	if c.short {
		return Login{}, fmt.Errorf("%w: a login cut short", ErrMalformed)
	}
	if asked&ConnectWithDB != 0 {
		login.Database = collation.Text(c.tail())
	}
	if asked&PluginAuth != 0 {
		login.Plugin = string(c.tail())
	}
	if asked&ConnectAttributes != 0 {
		login.Program = collation.Text(attribute(&c, "program_name"))
	}
	return login, nil
}

// parseOld reads a login of before version 4.1, as some health checks send it. Its character set is
// the server's, which is not known here.
func parseOld(p Packet, g Greeting) (Login, error) {
	c := cursor{rest: p.Payload()}
	asked := Capabilities(c.number(2)) & g.Capabilities
	c.take(3) // packet size
	user := c.terminated()
	if c.short {
		return Login{}, fmt.Errorf("%w: a login of before version 4.1, cut short", ErrMalformed)
	}
	login := Login{Old: true, Compressed: asked&Compress != 0, User: Collation(0).Text(user)}
	skipAuth(&c, asked)
	if asked&ConnectWithDB != 0 {
		login.Database = Collation(0).Text(c.tail())
	}
	return login, nil
}

// skipAuth skips the answer to the scramble.
func skipAuth(c *cursor, asked Capabilities) {
	switch {
	case asked&LengthEncodedAuth != 0:
		c.prefixed()
	case asked&SecureConnection != 0:
		c.take(c.number(1))
	default:
		c.tail()
	}
}

// attribute returns the value of a connection attribute. Malformed attributes
// are no error: servers let in a client that sends them.
func attribute(c *cursor, name string) []byte {
	all := cursor{rest: c.prefixed()}
	var value []byte
	for len(all.rest) > 0 {
		k, v := all.prefixed(), all.prefixed()
		if all.short {
			break
		}
		if string(k) == name {
			value = v
		}
	}
	return value
}
