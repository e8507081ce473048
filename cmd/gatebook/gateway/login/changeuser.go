package login

import (
	"context"
	"fmt"
	"slices"

	"gatebook/cmd/gatebook/gateway/ending"
	"gatebook/cmd/gatebook/gateway/mysql"
	"gatebook/events"
)

// changeUsers carries a change of user, and those that the client has sent right behind it. rest
// is what it has sent, from the change on.
func (l *mysqlLogin) changeUsers(ctx context.Context, t *mysqlTraffic, rest string) *ending.Ending {
	for rest != "" {
		if t.early {
			return l.refuseEarly(ctx, t.follower.Head(), rest)
		}
		t.changing = false
		var end *ending.Ending
		if rest, end = l.changeUser(ctx, t, rest); end != nil {
			return end
		}
	}
	return nil
}

// changeUser carries a change of user: a login over a connection that is established. The
// relay has stopped before it, and both directions are quiet, as the protocol has it; rest
// is what the client has sent, from the change on. When the relay is to go on, under the new
// user, which is on the record then, or under the old one, it returns the next change that the
// client has sent already, "" for none.
func (l *mysqlLogin) changeUser(ctx context.Context, t *mysqlTraffic, rest string) (next string, end *ending.Ending) {
	l.next.Store(1)
	l.client.startTimer()
	defer l.client.stopTimer()
	l.begin()
	defer l.end()
	login, end := l.forwardChange(t.follower.Head(), rest)
	if end != nil {
		return "", end
	}
	reply, end := l.answerChange(login)
	if end != nil {
		return "", l.brokenOff(ctx, login, end)
	}
	gone := l.handshake.stopAnswers()
	if next, end = l.finishChange(ctx, t, login, reply); end != nil {
		return "", end
	}
	return next, gone
}

// answerChange follows the authentication to the server's OK or error, which it returns.
func (l *mysqlLogin) answerChange(login mysql.Login) (mysql.Packet, *ending.Ending) {
	l.handshake.carryAnswers()
	first, end := l.handshake.nextFromServer()
	if end != nil {
		return nil, end
	}
	// The first reply has number 1; another number is that of something else.
	if n := mysql.Packet(first).Sequence(); n != 1 {
		return nil, serverFailed(fmt.Sprintf("packet %d in a change of user", n))
	}
	return l.authenticate(first, login.Plugin)
}

// forwardChange passes the change on. The server has head, the beginning of it, already.
func (l *mysqlLogin) forwardChange(head []byte, rest string) (mysql.Login, *ending.Ending) {
	l.handshake.fromClient.preload(append(slices.Clone(head), rest...))
	packet, err := l.handshake.nextFromClient()
	if err != nil {
		return mysql.Login{}, l.handshake.clientLost(err)
	}
	login, err := mysql.ParseChangeUser(packet, l.common, l.collation)
	if err != nil {
		return login, l.handshake.clientLost(err)
	}
	return login, l.handshake.toServer(packet[len(head):])
}

// finishChange records the new user if the server has accepted it, and the attempt if it
// has not. Then it passes the server's reply on, and returns the next change if there is one.
func (l *mysqlLogin) finishChange(ctx context.Context, t *mysqlTraffic, login mysql.Login, reply mysql.Packet) (string, *ending.Ending) {
	var e events.Event
	if mysql.ReplyOf(reply) == mysql.ReplyOK {
		ready := asked(login)
		e, l.collation = &ready, login.Collation
	} else {
		e = loginFailed(login, mysql.ParseError(reply).String())
	}
	if err := l.session.Record(ctx, e); err != nil {
		return "", l.refuseUnrecorded(reply.Sequence(), err)
	}
	t.follower.Alone()
	return l.handshake.finish(reply, t)
}

// refuseEarly returns how a session ends whose client changes its user too early, and records the
// attempt if all of it is there. head is what the relay has passed on of it, rest what it has not.
func (l *mysqlLogin) refuseEarly(ctx context.Context, head []byte, rest string) *ending.Ending {
	packet := mysql.Packet(append(slices.Clone(head), rest...))
	size, err := mysql.Frame(packet)
	if err != nil || size == 0 || size > len(packet) || packet.Sequence() != 0 {
		return changedTooEarly()
	}
	login, err := mysql.ParseChangeUser(packet[:size], l.common, l.collation)
	if err != nil {
		return changedTooEarly()
	}
	return l.brokenOff(ctx, login, changedTooEarly())
}

// brokenOff records a change of user that ends the session, and returns how that ends.
func (l *mysqlLogin) brokenOff(ctx context.Context, login mysql.Login, end *ending.Ending) *ending.Ending {
	if err := l.session.Record(ctx, loginFailed(login, end.Description)); err != nil {
		return ending.Unrecorded(err)
	}
	return end
}

// loginFailed returns the event of a change of user that did not succeed.
func loginFailed(login mysql.Login, why string) *events.LoginFailed {
	return &events.LoginFailed{User: login.User, Database: login.Database, Program: login.Program, Description: why}
}
