package login

import (
	"context"
	"fmt"
	"slices"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/mysql"
)

// changeUser carries a change of user: a login over a connection that is established. The
// relay has stopped before it, and both directions are quiet, as the protocol has it; rest
// is what the client has sent, from the change on. It returns nil when the relay is to go
// on, under the new user, which is on the record then, or under the old one.
func (l *mysqlLogin) changeUser(ctx context.Context, t *mysqlTraffic, rest string) *ending.Ending {
	l.next.Store(1)
	l.client.startTimer()
	defer l.client.stopTimer()
	l.begin()
	defer l.end()
	login, end := l.forwardChange(t.follower.Head(), rest)
	if end != nil {
		return end
	}
	first, end := l.handshake.nextFromServer()
	if end != nil {
		return end
	}
	// The first reply has number 1; another number is that of something else.
	if n := mysql.Packet(first).Sequence(); n != 1 {
		return serverFailed(fmt.Sprintf("packet %d in a change of user", n))
	}
	reply, end := l.authenticate(first, login.Plugin)
	if end != nil {
		return end
	}
	return l.finishChange(ctx, t, login, reply)
}

// forwardChange passes the change on. The server has head, the beginning of it, already.
func (l *mysqlLogin) forwardChange(head []byte, rest string) (mysql.Login, *ending.Ending) {
	l.handshake.fromClient.preload(append(slices.Clone(head), rest...))
	packet, err := l.handshake.nextFromClient()
	if err != nil {
		return mysql.Login{}, l.handshake.clientLost(err)
	}
	login, err := mysql.ParseChangeUser(packet, l.common)
	if err != nil {
		return login, l.handshake.clientLost(err)
	}
	return login, l.handshake.toServer(packet[len(head):])
}

// finishChange records the new user if the server has accepted it, and then passes the
// server's reply on.
func (l *mysqlLogin) finishChange(ctx context.Context, t *mysqlTraffic, login mysql.Login, reply mysql.Packet) *ending.Ending {
	if err := l.handshake.stopAnswers(); err != nil {
		return l.handshake.clientLost(err)
	}
	if mysql.ReplyOf(reply) == mysql.ReplyOK {
		e := asked(login)
		if err := l.session.Record(ctx, &e); err != nil {
			return l.refuseUnrecorded(reply.Sequence(), err)
		}
	}
	t.follower.Alone()
	return l.handshake.finish(reply, t)
}
