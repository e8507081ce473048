package gateway

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/cmd/gatebook/gateway/relay"
	"gatebook/events"
)

// changeUser carries a change of user: a login over a connection that is there.
// The relay has stopped before it, and both directions are quiet, as the protocol
// has it; rest is what the client has sent, from the change on. It returns nil when
// the relay is to go on, under the new user, which is on the record then, or under
// the old one. The context is that of recording.
func (s *session) changeUser(ctx context.Context, rest string) *ending {
	f, ok := s.follower.(*commands)
	if !ok || !f.changing {
		return &ending{reason: events.ReasonError, description: "the relay stopped"}
	}
	if f.early {
		return tooEarly()
	}
	f.changing = false
	s.sequence.Store(1)
	s.startLogin()
	x := s.exchangeMySQL()
	defer x.release()
	head := f.Head()
	passed := len(head) // these bytes the server has
	x.client.preload(append(slices.Clone(head), rest...))
	packet, err := x.client.next()
	if err != nil {
		return lost(relay.Client, err)
	}
	login, err := mysql.ParseChangeUser(packet, s.speaks)
	if err != nil {
		return lost(relay.Client, err)
	}
	if _, err := s.server.Write(packet[passed:]); err != nil {
		return lost(relay.Server, err)
	}
	return s.awaitChange(ctx, x, login, f)
}

// exchangeMySQL is a login between the session's client and server.
func (s *session) exchangeMySQL() *exchange {
	return &exchange{
		session: s, client: s.stream(s.client, mysql.Frame), server: s.stream(s.server, mysql.Frame),
		headSize: mysql.HeaderSize,
		// A command begins at sequence 0, an answer goes on counting.
		belongs: func(head []byte) bool { return mysql.Packet(head).Sequence() != 0 },
	}
}

// awaitChange follows the authentication until the server says how it ended. The
// first reply has number 1; another number is that of something else.
func (s *session) awaitChange(ctx context.Context, x *exchange, login mysql.Login, f *commands) *ending {
	plugin := login.Plugin
	for first := true; ; first = false {
		packet, end := x.reply()
		if end != nil {
			return end
		}
		p := mysql.Packet(packet)
		if first && p.Sequence() != 1 {
			return &ending{reason: events.ReasonError, description: fmt.Sprintf("server: packet %d in a change of user", p.Sequence())}
		}
		if mysql.ReplyOf(p) == mysql.ReplyMore {
			plugin = cmp.Or(p.Switched(), plugin)
			if s.mismatched(p, plugin) {
				return s.refuseMismatch(p, plugin)
			}
			x.listen()
			s.sequence.Store(uint32(p.Sequence()) + 2)
			if end := x.pass(p); end != nil {
				return end
			}
			continue
		}
		if err := x.settle(); err != nil {
			return lost(relay.Client, err)
		}
		if mysql.ReplyOf(p) == mysql.ReplyOK {
			ready := asked(login)
			if err := s.record.Record(ctx, &ready); err != nil {
				return s.unrecordedMySQL(p.Sequence(), err)
			}
		}
		f.Alone()
		return x.open(p, f, s.heard)
	}
}
