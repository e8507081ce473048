package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	_ "time/tzdata" // zones are known where the system has none

	"github.com/alecthomas/kong"
	"golang.org/x/term"

	"gatebook/internal/build"
	"gatebook/internal/regular"
)

// version is set when a release is built.
const version = "0.1.0"

// Exit statuses, as every command documents them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	// exitInterrupted is what shells say of a program that SIGINT has ended.
	exitInterrupted = 130
)

// commands are the commands, with the flags that they share.
type commands struct {
	Serve       serveCommand   `cmd:"" help:"Run the registry: the API, and the gateway if services are configured."`
	Init        initCommand    `cmd:"" help:"Begin a book in a data folder."`
	CheckConfig checkCommand   `cmd:"" help:"Check a configuration file, and warn of what will surprise."`
	Info        infoCommand    `cmd:"" help:"Show what a data folder holds."`
	Migrate     migrateCommand `cmd:"" help:"Bring the log of an older version up to date."`
	Verify      verifyCommand  `cmd:"" help:"Read the whole log and say whether it is as it was written."`
	Key         keyCommand     `cmd:"" help:"Show and rotate the key that signs heads of the log."`

	Backup  backupCommand  `cmd:"" help:"Copy the log into a folder, beside a server that runs."`
	Restore restoreCommand `cmd:"" help:"Make a data folder of a backup."`
	Export  exportCommand  `cmd:"" help:"Write every record of the log as lines of JSON, or the sessions as CSV."`
	Import  importCommand  `cmd:"" help:"Make a log of what gatebook export has written."`
	Compact compactCommand `cmd:"" help:"Write the files of a data folder anew without what is not in use."`
	Rebuild rebuildCommand `cmd:"" help:"Make book.db again from the log."`

	List     listCommand     `cmd:"" help:"List sessions." group:"Client"`
	Show     showCommand     `cmd:"" help:"Show one session: its connections and its trail." group:"Client"`
	Kill     killCommand     `cmd:"" help:"End sessions." group:"Client"`
	History  historyCommand  `cmd:"" help:"List the sessions that have ended, the newest first." group:"Client"`
	Events   eventsCommand   `cmd:"" help:"Show or follow the log." group:"Client"`
	Top      topCommand      `cmd:"" help:"Watch the live sessions." group:"Client"`
	Services servicesCommand `cmd:"" help:"List the services." group:"Client"`
	Servers  serversCommand  `cmd:"" help:"List the servers." group:"Client"`
	Sources  sourcesCommand  `cmd:"" help:"List the programs that report sessions." group:"Client"`
	Status   statusCommand   `cmd:"" help:"Show how the server is." group:"Client"`

	Login    loginCommand    `cmd:"" help:"Log in to a server, and keep the login." group:"Client"`
	Logout   logoutCommand   `cmd:"" help:"End a login." group:"Client"`
	Profiles profilesCommand `cmd:"" help:"List the logins that are kept." group:"Client"`

	Completion completionCommand `cmd:"" help:"Print a script that lets a shell complete what you type." group:"Client"`
	Man        manCommand        `cmd:"" help:"Print or write the manual pages." group:"Client"`
	Complete   completeCommand   `cmd:"" name:"__complete" hidden:""`

	User    userCommand `cmd:"" help:"Accounts of the API: who may use it, and what they may do."`
	Version versionFlag `help:"Print the version and exit."`
}

// describeBuild returns the version, and from which revision and with which Go it was built.
func describeBuild() string {
	info := build.Read()
	about := []string{info.Go}
	if info.Revision != "" {
		about = append(about, "revision "+info.Revision[:min(len(info.Revision), 12)])
	}
	if info.Time != "" {
		about = append(about, "of "+info.Time)
	}
	if info.Modified == "true" {
		about = append(about, "with changes")
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
	status := run(ctx, os.Args[1:], streamsOf(os.Stdout, os.Stderr))
	stop()
	os.Exit(status)
}

// exited is the error of a command line that only asks for help.
type exited struct{ status int }

func (e exited) Error() string { return fmt.Sprintf("exit status %d", e.status) }

// run runs the program and returns its exit status. When ctx ends the program stops in
// order.
func run(ctx context.Context, args []string, to *streams) int {
	err := parseAndRun(ctx, args, to)
	var exit exited
	var usage *kong.ParseError
	said, interrupted := isInterrupted(ctx, err)
	switch {
	case interrupted:
		fmt.Fprintf(to.err, "gatebook: %s\n", said)
		return exitInterrupted
	case err == nil:
		return exitDone
	case errors.As(err, &exit):
		return exit.status
	case errors.As(err, &usage):
		fmt.Fprintf(to.err, "gatebook: %s; see gatebook --help\n", oneLine(err))
		return exitUsage
	}
	to.report(regular.Explain(err))
	return exitFailed
}

// oneLine returns the text of an error in one line. Errors that were joined have a line
// each.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// parseAndRun runs the command that the arguments name.
func parseAndRun(ctx context.Context, args []string, to *streams) (err error) {
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
		kong.Writers(to.out, to.err),
		kong.Exit(func(status int) { panic(exited{status}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true, WrapUpperBound: widestHelp(to)}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(to),
		kong.Bind(&cli),
		kong.NamedMapper("path", kong.MapperFunc(mapPath)),
		kong.WithAfterApply(refuseEmpty),
		kong.WithAfterApply(settleTarget),
		kong.Vars{"default_url": defaultURL},
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

// widestHelp returns how many columns the text of --help may have: those of the terminal, and
// not so many that lines are hard to read.
func widestHelp(to *streams) int {
	const readable = 120
	if to.width == 0 {
		return readable
	}
	return min(to.width, readable)
}

// streams are where a command writes to, and what it knows of the people there.
type streams struct {
	out, err io.Writer
	// width is how many columns the terminal has that out is, 0 when it is none. color: it
	// shows colours.
	width int
	color bool
	now   func() time.Time
	zone  *time.Location
	// config is the user's configuration folder, "" where there is none.
	config string
	// pause is how long a server may send nothing in the middle of an answer, 0 for the usual time.
	pause time.Duration
}

// report prints an error as the program's line about it.
func (s *streams) report(err error) { fmt.Fprintf(s.err, "gatebook: %s\n", oneLine(err)) }

// streamsOf returns the streams of the process.
func streamsOf(stdout, stderr io.Writer) *streams {
	s := &streams{out: stdout, err: stderr, now: time.Now, zone: time.Local}
	if folder, err := os.UserConfigDir(); err == nil {
		s.config = folder
	}
	file, ok := stdout.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return s
	}
	s.width = 80
	if columns, _, err := term.GetSize(int(file.Fd())); err == nil && columns > 0 {
		s.width = columns
	}
	s.color = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	return s
}
