package faults_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// workload returns the command of a workload. It dies with the test.
func workload(t *testing.T, folder, prefix string, sessions int) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self)
	child.Env = append(os.Environ(), childVariable+"="+strings.Join([]string{strconv.Itoa(sessions), prefix, folder}, " "))
	child.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return child
}

// underStrace has strace run a command.
func underStrace(t *testing.T, child *exec.Cmd, options ...string) *exec.Cmd {
	t.Helper()
	strace, err := exec.LookPath("strace")
	if err == nil {
		err = exec.CommandContext(t.Context(), strace, "-o", os.DevNull, strace, "-V").Run()
	}
	if err != nil {
		t.Skipf("system calls cannot be watched: strace: %v", err)
	}
	child.Args = append(append([]string{strace}, options...), child.Args...)
	child.Path = strace
	return child
}

// run runs a workload to its end, which may be an error, and adds what it did.
func run(child *exec.Cmd, done *progress) error {
	text, err := output(child)
	done.read(text)
	return err
}

// output runs a workload to its end, which may be an error, and returns what it printed. A
// workload that panics is an error. The Go runtime ends a process that gets no memory, which is as
// good as kill -9.
func output(child *exec.Cmd) (string, error) {
	var output, errs bytes.Buffer
	child.Stdout, child.Stderr = &output, &errs
	err := child.Run()
	if _, ended := errors.AsType[*exec.ExitError](err); err != nil && !ended {
		return "", err
	}
	return output.String(), endedWell(errs.String())
}

// endedWell returns an error if a program's error output is that of a panic.
func endedWell(text string) error {
	if strings.Contains(text, "panic: ") || strings.Contains(text, "[signal ") {
		return fmt.Errorf("the program does not end as it should: %s", text)
	}
	return nil
}
