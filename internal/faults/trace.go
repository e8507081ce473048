package faults

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Traced are the system calls that [ReadTrace] wants in a trace, as an argument of strace:
// those that change files, or give them a descriptor. A [Disk] refuses those that it has no
// model of.
const Traced = "trace=open,openat,creat,close,dup,dup2,dup3," +
	"write,pwrite64,writev,pwritev,pwritev2,copy_file_range,sendfile,splice," +
	"ftruncate,truncate,fallocate,fsync,fdatasync,sync,syncfs,sync_file_range,msync," +
	"rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,symlink,symlinkat"

// TraceOptions are the further arguments of strace that [ReadTrace] needs: of all threads,
// with all bytes of the data, as hexadecimal numbers.
func TraceOptions() []string { return []string{"-f", "-xx", "-s", "67108864", "-e", Traced} }

// Step is the begin or the end of a system call. Calls of several threads overlap.
type Step struct {
	// Thread made the call.
	Thread int
	// Ended is false at the begin of the call, when Result is not known.
	Ended bool
	Name  string
	// Args are as strace writes them; data and paths are decoded, without quotes.
	Args []string
	// Result is what the call returned, less than 0 for an error.
	Result int64
}

// Output returns what the step begins to write to standard output; nil for any other step.
func (s *Step) Output() []byte {
	if s.Ended || s.Name != "write" || s.Args[0] != "1" {
		return nil
	}
	return []byte(s.Args[1])
}

// ReadTrace reads what strace wrote, and calls each with its steps in order. The Step belongs
// to the callee.
func ReadTrace(r io.Reader, each func(*Step) error) error {
	lines := bufio.NewReaderSize(r, 1<<20)
	unfinished := make(map[int]string) // by thread
	for number := 1; ; number++ {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return nil
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = readLine(strings.TrimSuffix(line, "\n"), unfinished, each)
		}
		if err != nil {
			return fmt.Errorf("line %d of the trace: %w", number, err)
		}
	}
}

// readLine reads one line: a whole call, its begin, or its end.
func readLine(line string, unfinished map[int]string, each func(*Step) error) error {
	first, call, ok := strings.Cut(line, " ")
	thread, err := strconv.Atoi(first)
	if !ok || err != nil {
		return fmt.Errorf("%.100q does not begin with the number of a thread", line)
	}
	call = strings.TrimLeft(call, " ")
	switch {
	case strings.HasPrefix(call, "+++"), strings.HasPrefix(call, "---"):
		return nil // an exit, a signal
	case strings.HasPrefix(call, "<..."):
		_, rest, ok := strings.Cut(call, " resumed>")
		if !ok {
			return fmt.Errorf("%.100q resumes nothing", line)
		}
		call = unfinished[thread] + rest
		delete(unfinished, thread)
		return finish(thread, call, each)
	case strings.HasSuffix(call, " <unfinished ...>"):
		call = strings.TrimSuffix(call, " <unfinished ...>")
		unfinished[thread] = call
		s, err := parseCall(thread, call)
		if err != nil {
			return err
		}
		return each(s)
	}
	begin, _, err := splitResult(call)
	if err != nil {
		return err
	}
	s, err := parseCall(thread, begin)
	if err != nil {
		return err
	}
	if err := each(s); err != nil {
		return err
	}
	return finish(thread, call, each)
}

// finish passes the end of a call on.
func finish(thread int, call string, each func(*Step) error) error {
	begin, result, err := splitResult(call)
	if err != nil {
		return err
	}
	s, err := parseCall(thread, begin)
	if err != nil {
		return err
	}
	s.Ended = true
	if result == "?" { // the process ended meanwhile
		s.Result = -1
		return each(s)
	}
	if s.Result, err = strconv.ParseInt(result, 0, 64); err != nil {
		return fmt.Errorf("the result of %s: %w", s.Name, err)
	}
	return each(s)
}

// splitResult splits "name(args) = 7 ERROR (text)" into "name(args" and "7".
func splitResult(call string) (begin, result string, err error) {
	for i := len(call) - 1; i >= 0; i-- {
		if call[i] != '=' || i < 2 || call[i-1] != ' ' {
			continue
		}
		if begin := strings.TrimRight(call[:i], " "); strings.HasSuffix(begin, ")") {
			result, _, _ := strings.Cut(strings.TrimSpace(call[i+1:]), " ")
			return begin[:len(begin)-1], result, nil
		}
	}
	return "", "", fmt.Errorf("%.100q has no result", call)
}

// parseCall parses "name(arg, arg".
func parseCall(thread int, call string) (*Step, error) {
	name, rest, ok := strings.Cut(call, "(")
	if !ok {
		return nil, fmt.Errorf("%.100q is no system call", call)
	}
	s := &Step{Thread: thread, Name: name, Args: strings.Split(strings.TrimSuffix(rest, ","), ", ")}
	for i, arg := range s.Args {
		text, quoted := strings.CutPrefix(arg, `"`)
		if !quoted {
			continue
		}
		text, whole := strings.CutSuffix(text, `"`)
		if !whole {
			return nil, fmt.Errorf("%s: the data %.100q were cut", name, arg)
		}
		data, err := hex.DecodeString(strings.ReplaceAll(text, `\x`, ""))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		s.Args[i] = string(data)
	}
	return s, nil
}
