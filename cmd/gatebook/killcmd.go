package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"gatebook/httpd/client"
	"gatebook/internal/when"
)

// killCommand are the arguments of kill.
type killCommand struct {
	Remote  remoteFlags  `embed:""`
	IDs     []uint64     `arg:"" optional:"" name:"id" help:"Ids of the sessions."`
	Service string       `help:"All live sessions of that service but your own." placeholder:"NAME"`
	TTL     lengthOfTime `name:"ttl" help:"Let them go on for so long, as 30s, 5m or 1d; given again, the time is moved." placeholder:"DURATION"`
	Reason  string       `help:"Why, for the record." placeholder:"TEXT"`
	Cancel  bool         `help:"Withdraw a kill whose time has not come."`
	DryRun  bool         `help:"With --service: only say how many there are."`
	Yes     bool         `short:"y" help:"Do not ask."`
}

// lengthOfTime is a duration that may have days.
type lengthOfTime time.Duration

// UnmarshalText reads the duration from text. It implements [encoding.TextUnmarshaler].
func (d *lengthOfTime) UnmarshalText(text []byte) error {
	read, err := when.Duration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no duration, as in 30s, 5m or 1d", text)
	}
	*d = lengthOfTime(read)
	return nil
}

// Help returns what --help adds.
func (killCommand) Help() string {
	return `A session is closed when the client and every connection to a server are, and that is on the record. The exit status is 1 when
that is not confirmed for any of them within 5 s. A server may still run a statement for one that is closed; that is printed where it is known.

Examples:
  gatebook kill 42 --reason 'runaway report'
  gatebook kill 42 --ttl 5m
  gatebook kill 42 --cancel
  gatebook kill --service orders --dry-run`
}

// Validate returns an error for arguments that do not go together.
func (c *killCommand) Validate() error {
	switch {
	case len(c.IDs) == 0 && c.Service == "":
		return errors.New("expected ids of sessions, or --service")
	case len(c.IDs) > 0 && c.Service != "":
		return errors.New("ids and --service are both given")
	case c.DryRun && c.Service == "":
		return errors.New("--dry-run goes with --service")
	case c.Cancel && (c.TTL > 0 || c.Reason != "" || c.Service != ""):
		return errors.New("--cancel goes with ids alone")
	case c.Service != "" && c.TTL > 0:
		return errors.New("--ttl goes with ids")
	case c.TTL < 0:
		return errors.New("--ttl is negative")
	}
	return nil
}

// Run ends sessions, schedules that, or withdraws it.
func (c *killCommand) Run(ctx context.Context, to *streams) error {
	return c.Remote.with(ctx, to, func(server *client.Client) error {
		if c.Service != "" {
			return c.ofService(ctx, server, to)
		}
		if len(c.IDs) > 1 && !c.Cancel {
			if err := c.confirm(to, fmt.Sprintf("End %d sessions?", len(c.IDs))); err != nil {
				return err
			}
		}
		var failed []error
		for _, id := range c.IDs {
			if err := c.one(ctx, server, id, to); err != nil {
				failed = append(failed, err)
			}
		}
		return errors.Join(failed...)
	})
}

// one ends one session.
func (c *killCommand) one(ctx context.Context, server *client.Client, id uint64, to *streams) error {
	if c.Cancel {
		if err := server.Withdraw(ctx, id); err != nil {
			return err
		}
		return line(to.out, "the kill of session %d is withdrawn", id)
	}
	s, err := server.Session(ctx, id, "")
	if err != nil {
		return err
	}
	begun := to.now()
	done, err := server.Kill(ctx, id, client.Kill{Reason: c.Reason, TTL: time.Duration(c.TTL)})
	switch {
	case client.IsStatus(err, http.StatusConflict):
		return err // it says when, why and by whom it ended
	case err != nil:
		return err
	case done.Confirmed:
		if err := line(to.out, "session %d (%s) is closed, after %s", id, who(&s), short(to.now().Sub(begun))); err != nil || done.LeftRunning == nil {
			return err
		}
		return leftRunning(to, *done.LeftRunning)
	case c.TTL > 0:
		return line(to.out, "session %d (%s) will be closed at %s; take that back with gatebook kill %d --cancel",
			id, who(&s), begun.Add(time.Duration(c.TTL)).In(to.zone).Format("15:04:05"), id)
	}
	return fmt.Errorf("session %d (%s) may still be open: the kill is on the record, and the source %s has not carried it out within %s; gatebook show %d says when it has", id, who(&s), client.LinkName(s.Source), short(to.now().Sub(begun)), id)
}

// leftRunning prints what servers may still do for sessions that were closed.
func leftRunning(to *streams, all ...client.LeftRunning) error {
	for _, l := range all {
		if err := line(to.out, "%s may still run a statement of session %d, for its connection %d", client.LinkName(l.Server), l.Session, l.ConnectionID); err != nil {
			return err
		}
	}
	return nil
}

// who returns whose a session is, and from where to what.
func who(s *client.Session) string {
	user := s.User
	if user == "" {
		user = "no user yet"
	}
	return fmt.Sprintf("%s from %s, %s", user, s.Address, client.LinkName(s.Service))
}

// ofService ends all sessions of a service.
func (c *killCommand) ofService(ctx context.Context, server *client.Client, to *streams) error {
	found, err := server.KillService(ctx, c.Service, "", true)
	if err != nil {
		return err
	}
	if c.DryRun || found.Pending == 0 {
		return line(to.out, "%s of %s would be closed", counted(found.Pending, "session"), c.Service)
	}
	if err := c.confirm(to, fmt.Sprintf("End %s of %s?", counted(found.Pending, "session"), c.Service)); err != nil {
		return err
	}
	begun := to.now()
	done, err := server.KillService(ctx, c.Service, c.Reason, false)
	if err != nil {
		return err
	}
	if err := line(to.out, "%s of %s closed, after %s", counted(done.Closed, "session"), c.Service, short(to.now().Sub(begun))); err != nil {
		return err
	}
	if err := leftRunning(to, done.LeftRunning...); err != nil {
		return err
	}
	if done.Pending > 0 {
		return fmt.Errorf("%s not confirmed yet", counted(done.Pending, "session"))
	}
	return nil
}

// confirm asks on a terminal whether to go on. It returns an error when the answer is no.
func (c *killCommand) confirm(to *streams, question string) error {
	if c.Yes || to.width == 0 || !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil
	}
	fmt.Fprint(to.err, question+" [y/N] ")
	answer, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil || !strings.EqualFold(strings.TrimSpace(answer), "y") {
		return errors.New("nothing was done")
	}
	return nil
}
