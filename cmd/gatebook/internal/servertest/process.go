package servertest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// stopTimeout is how long a server may take to obey a signal before it is
// killed.
const stopTimeout = 10 * time.Second

// process is a running child that dies with this process.
type process struct {
	cmd *exec.Cmd
	// done is closed when the child has ended and was waited for.
	done chan struct{}
	// err is how it ended; it may be read once done is closed.
	err error
}

// startProcess starts cmd so that the kernel kills it when this process ends.
//
// The kernel means the thread that forked, not the process: when the Go runtime
// lets an idle thread go, its children would die too. So one goroutine keeps
// its thread from the fork until the child has ended.
func startProcess(cmd *exec.Cmd) (*process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	p := &process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// stop sends a signal, waits until the child has ended, and kills it when that
// takes too long. A child that has ended already is fine.
func (p *process) stop(signal syscall.Signal) error {
	if err := p.signal(signal); err != nil {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-time.After(stopTimeout):
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return fmt.Errorf("%s did not end on %v and was killed", p.cmd.Path, signal)
}

func (p *process) signal(signal syscall.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.cmd.Path, err)
	}
	return nil
}
