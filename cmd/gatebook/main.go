package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"strings"
	"syscall"
	_ "time/tzdata" // zones are known where the system has none

	"github.com/alecthomas/kong"
)

// version is set when a release is built.
const version = "0.1.0-dev"

// Exit statuses, as every command documents them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// commands are the commands, with the flags that they share.
type commands struct {
	Serve       serveCommand  `cmd:"" help:"Run the registry: the API, and the gateway if services are configured."`
	Init        initCommand   `cmd:"" help:"Begin a book in a data folder."`
	CheckConfig checkCommand  `cmd:"" help:"Check a configuration file, and warn of what will surprise."`
	Verify      verifyCommand `cmd:"" help:"Read the whole log and say whether it is as it was written."`
	User        userCommand   `cmd:"" help:"Accounts of the API: who may use it, and what they may do."`
	Version     versionFlag   `help:"Print the version and exit."`
}

// describeBuild returns the version, and from which revision and with which Go it was built.
func describeBuild() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version
	}
	about := []string{info.GoVersion}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			about = append(about, "revision "+s.Value[:min(len(s.Value), 12)])
		case s.Key == "vcs.time":
			about = append(about, "of "+s.Value)
		case s.Key == "vcs.modified" && s.Value == "true":
			about = append(about, "with changes")
		}
	}
	return version + " (" + strings.Join(about, ", ") + ")"
}

type versionFlag bool

// BeforeReset prints the version before anything else is looked at.
func (versionFlag) BeforeReset(app *kong.Kong) error {
	fmt.Fprintln(app.Stdout, "gatebook", describeBuild())
	app.Exit(exitDone)
	return nil
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

// exited is the error of a command line that only asks for help.
type exited struct{ status int }

func (e exited) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// run runs the program and returns its exit status. When ctx ends the program stops in
// order.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := parseAndRun(ctx, args, stdout, stderr)
	var exit exited
	var usage *kong.ParseError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &exit):
		return exit.status
	case errors.As(err, &usage):
		fmt.Fprintf(stderr, "gatebook: %s; see gatebook --help\n", oneLine(err))
		return exitUsage
	}
	fmt.Fprintf(stderr, "gatebook: %s\n", oneLine(err))
	return exitFailed
}

// oneLine returns the text of an error in one line. Errors that were joined have a line
// each.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// parseAndRun runs the command that the arguments name.
func parseAndRun(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	// kong calls Exit in the middle of parsing; unwind to here instead of ending
	// the process, so that tests can run the program too.
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exited:
			err = p
		default:
			panic(p)
		}
	}()
	var cli commands
	parser, err := kong.New(&cli,
		kong.Name("gatebook"),
		kong.Description("Keeps the book of a database gateway's sessions: who came in, from where, to see whom, and how they left."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(status int) { panic(exited{status}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&streams{out: stdout, err: stderr}),
	)
	if err != nil {
		return fmt.Errorf("the command line is defined wrong: %w", err)
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	parsed, err := parser.Parse(args)
	if err != nil {
		return err
	}
	return parsed.Run()
}

// streams are where a command writes to.
type streams struct {
	out, err io.Writer
}
