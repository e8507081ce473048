package servertest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"
)

// startTimeout is how long a server may take until it answers; pollInterval is
// how often it is asked.
const (
	startTimeout = 60 * time.Second
	pollInterval = 20 * time.Millisecond
)

// Start starts the server again after a Stop, with its data and at its address,
// and returns when it answers. Starting a server that runs is an error.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process != nil {
		return fmt.Errorf("start %s: it is running", s.engine.name())
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		err := s.startOnce(ctx)
		if err == nil {
			return nil
		}
		// Between being chosen and being bound, a port can be taken by any
		// connection that goes out of this machine.
		if ctx.Err() != nil || !errors.Is(err, errPortTaken) {
			return fmt.Errorf("start %s: %w\n%s", s.engine.name(), err, s.logTail())
		}
	}
}

// errPortTaken is why a server ended before it answered.
var errPortTaken = errors.New("the port is taken")

// startOnce starts the child and waits for its answer. The caller holds mu.
func (s *Server) startOnce(ctx context.Context) error {
	// The first successful start decides the address; later ones keep it.
	first := s.admin == nil
	if first {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		s.Address = address
	}
	log, err := os.Create(s.logFile())
	if err != nil {
		return fmt.Errorf("open its log: %w", err)
	}
	defer log.Close()
	path, args := s.engine.command(s)
	cmd := s.childCommand(path, args...)
	cmd.Stdout, cmd.Stderr = log, log
	p, err := startProcess(cmd)
	if err != nil {
		return err
	}
	admin := s.admin
	if first {
		if admin, err = s.engine.open(s.Login); err != nil {
			return errors.Join(err, p.stop(syscall.SIGKILL))
		}
		// A connection that is kept would not survive a Stop.
		admin.SetMaxIdleConns(-1)
	}
	if err := s.waitForAnswer(ctx, p, admin); err != nil {
		if first {
			err = errors.Join(err, admin.Close())
		}
		return errors.Join(err, p.stop(syscall.SIGKILL))
	}
	s.process, s.admin = p, admin
	return nil
}

// waitForAnswer polls until the server answers its administrator or has ended.
func (s *Server) waitForAnswer(ctx context.Context, p *process, admin *sql.DB) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		err := admin.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			if strings.Contains(s.logTail(), "Address already in use") {
				return errPortTaken
			}
			return fmt.Errorf("it ended (%w) before it answered", p.err)
		case <-ctx.Done():
			return fmt.Errorf("no answer in %v: %w", startTimeout, err)
		case <-ticker.C:
		}
	}
}

// Stop ends the server at once, and with it every connection it has: what a
// crash looks like to its clients. Its data stays for the next Start. Stopping
// a stopped server does nothing.
func (s *Server) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return nil
	}
	err := s.process.stop(s.engine.stopSignal())
	s.process = nil
	if err != nil {
		return fmt.Errorf("stop %s: %w", s.engine.name(), err)
	}
	return nil
}

// Close stops the server and removes its folder. It may be called twice.
func (s *Server) Close() error {
	err := s.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.admin != nil {
		err = errors.Join(err, s.admin.Close())
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// freeAddress returns a loopback address that nothing listens on at the moment.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return "", fmt.Errorf("free the port: %w", err)
	}
	return address, nil
}
