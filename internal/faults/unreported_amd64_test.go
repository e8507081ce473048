package faults_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// unreported is a fault that strace cannot make: a system call has its effect, and the program is
// told that it failed.
type unreported struct {
	call  string
	when  int // the how manieth call that succeeds
	every bool
	errno unix.Errno
	met   int // how many calls were done and reported to have failed
}

func (f *unreported) String() string {
	return fmt.Sprintf("%s number %d (and later ones: %t) is done, and %v is reported", f.call, f.when, f.every, f.errno)
}

// callNumbers are the numbers of the system calls that a fault may be of.
var callNumbers = map[string]uint64{
	"pwrite64": unix.SYS_PWRITE64, "write": unix.SYS_WRITE, "fdatasync": unix.SYS_FDATASYNC, "fsync": unix.SYS_FSYNC,
	"ftruncate": unix.SYS_FTRUNCATE, "renameat": unix.SYS_RENAMEAT, "unlinkat": unix.SYS_UNLINKAT, "mkdirat": unix.SYS_MKDIRAT,
	"openat": unix.SYS_OPENAT, "mmap": unix.SYS_MMAP, "linkat": unix.SYS_LINKAT,
}

func randomUnreported(random *rand.Rand, calls []string) *unreported {
	return &unreported{
		call: calls[random.IntN(len(calls))], when: 1 + random.IntN(40), every: random.IntN(4) == 0,
		errno: []unix.Errno{unix.EIO, unix.ENOSPC}[random.IntN(2)],
	}
}

// TestUnreported tells a program that records sessions, one that moves a book, and one that
// upgrades a log, that system calls failed which did not.
func TestUnreported(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("%d faults, seed %d", callsUnreported, seed)
	random := rand.New(rand.NewPCG(seed, 0))
	m, older := newMovement(t), olderLog(t)
	folder := filepath.Join(filepath.Dir(m.original), "faulty")
	records, err := upgraded(t, older, folder, "")
	if err != nil {
		t.Fatal(err)
	}
	programs := []func(*unreported) error{
		func(f *unreported) error {
			done := newProgress()
			text, err := f.output(workload(t, folder, "", 8))
			if done.read(text); err == nil {
				err = done.check(t.Context(), folder)
			}
			return err
		},
		func(f *unreported) error {
			if err := os.Mkdir(folder, 0o700); err != nil {
				return err
			}
			said, err := f.output(workload(t, folder, movePrefix, 0))
			if err == nil {
				err = m.check(t.Context(), folder, said)
			}
			return err
		},
		func(f *unreported) error {
			err := errors.Join(os.Mkdir(folder, 0o700), os.CopyFS(filepath.Join(folder, "log"), os.DirFS(older)))
			if err == nil {
				_, err = f.output(workload(t, folder, openPrefix, 0))
			}
			if err != nil {
				return err
			}
			got, err := recordsOf(t, folder)
			if err == nil && got < records {
				err = fmt.Errorf("%d records, want %d", got, records)
			}
			return err
		},
	}
	met := 0
	for i := range callsUnreported {
		f := randomUnreported(random, append(changing, "linkat"))
		err := os.RemoveAll(folder)
		if err == nil {
			err = programs[i%len(programs)](f)
		}
		if err != nil {
			t.Fatalf("program %d, %v: %v", i%len(programs), f, err)
		}
		met += f.met
	}
	if t.Logf("%d calls were done and reported to have failed", met); met < callsUnreported/4 {
		t.Errorf("of %d faults only %d were met", callsUnreported, met)
	}
}

// output is [output] for a workload that meets the fault.
func (f *unreported) output(child *exec.Cmd) (string, error) {
	var files [2]*os.File
	for i := range files {
		file, err := os.CreateTemp("", "output")
		if err != nil {
			return "", err
		}
		defer os.Remove(file.Name()) // what is left is in the system's folder for that
		defer file.Close()
		files[i] = file
	}
	if err := f.trace(child, files); err != nil {
		return "", err
	}
	var texts [2]string
	for i, file := range files {
		b, err := io.ReadAll(io.NewSectionReader(file, 0, 1<<30))
		if err != nil {
			return "", err
		}
		texts[i] = string(b)
	}
	return texts[0], endedWell(texts[1])
}

// trace runs a command to its end, with its output in two files, and changes what its system calls
// return.
func (f *unreported) trace(child *exec.Cmd, output [2]*os.File) error {
	runtime.LockOSThread() // the thread that starts a process is the one that may trace it
	defer runtime.UnlockOSThread()
	process, err := os.StartProcess(child.Path, child.Args, &os.ProcAttr{
		Env: child.Env, Files: []*os.File{nil, output[0], output[1]},
		Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true, Pdeathsig: syscall.SIGKILL},
	})
	if err != nil {
		return err
	}
	defer process.Release()
	leader, begun := process.Pid, false
	for seen := 0; ; {
		var status unix.WaitStatus
		// Its threads are of its group. No other child of the tests is.
		thread, err := unix.Wait4(-leader, &status, unix.WALL, nil)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("wait: %w", err)
		case status.Exited() || status.Signaled():
			if thread == leader {
				return nil
			}
			continue
		}
		if !begun {
			begun = true
			err = unix.PtraceSetOptions(leader, unix.PTRACE_O_TRACESYSGOOD|unix.PTRACE_O_TRACECLONE|unix.PTRACE_O_EXITKILL)
			if err != nil {
				return fmt.Errorf("trace: %w", err)
			}
		}
		deliver := 0
		switch signal := status.StopSignal(); signal {
		case unix.SIGTRAP | 0x80:
			err = f.afterCall(thread, &seen)
		case unix.SIGTRAP, unix.SIGSTOP: // an event, or a new thread
		default:
			deliver = int(signal)
		}
		if err == nil {
			err = unix.PtraceSyscall(thread, deliver)
		}
		if err != nil && !errors.Is(err, unix.ESRCH) { // it has just been killed
			return fmt.Errorf("trace: %w", err)
		}
	}
}

// afterCall changes what a system call returns, if it is the one that is to fail. It is called
// before and after each.
func (f *unreported) afterCall(thread int, seen *int) error {
	var registers unix.PtraceRegs
	if err := unix.PtraceGetRegs(thread, &registers); err != nil {
		return err
	}
	if registers.Orig_rax != callNumbers[f.call] || int64(registers.Rax) < 0 { // before a call it is -ENOSYS
		return nil
	}
	if *seen++; *seen != f.when && (!f.every || *seen < f.when) {
		return nil
	}
	f.met++
	registers.Rax = -uint64(f.errno)
	return unix.PtraceSetRegs(thread, &registers)
}
