package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"gatebook/cmd/gatebook/internal/servertest"
)

// shared is what all tests use: the program, the databases and the browser.
var shared struct {
	binary   string
	mariaDB  *servertest.Server
	postgres *servertest.Server
	browser  context.Context
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run prepares what is shared, and runs the tests.
func run(m *testing.M) (status int) {
	folder, err := os.MkdirTemp("", "gatebook-e2e")
	if err != nil {
		return failed(err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	shared.binary = filepath.Join(folder, "gatebook")
	var stops []func()
	defer func() {
		for _, stop := range stops {
			stop()
		}
	}()
	var mu sync.Mutex
	atEnd := func(stop func()) { mu.Lock(); defer mu.Unlock(); stops = append(stops, stop) }
	if err := together(build, func() (err error) {
		if shared.mariaDB, err = servertest.NewMariaDB(); err == nil {
			atEnd(func() { _ = shared.mariaDB.Close() })
		}
		return err
	}, func() (err error) {
		if shared.postgres, err = servertest.NewPostgres(); err == nil {
			atEnd(func() { _ = shared.postgres.Close() })
		}
		return err
	}, func() error {
		stop, err := startBrowser(folder)
		if err == nil {
			atEnd(stop)
		}
		return err
	}); err != nil {
		return failed(err)
	}
	return m.Run()
}

// together runs functions at the same time, and returns their errors.
func together(all ...func() error) error {
	errs := make([]error, len(all))
	var running sync.WaitGroup
	for i, f := range all {
		running.Go(func() { errs[i] = f() })
	}
	running.Wait()
	return errors.Join(errs...)
}

// build builds the program.
func build() error {
	command := exec.Command("go", "build", "-o", shared.binary, ".")
	command.Dir, command.Stdout, command.Stderr = "..", os.Stderr, os.Stderr
	return command.Run()
}

func failed(err error) int {
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// startBrowser starts Chromium without a window.
func startBrowser(folder string) (stop func(), err error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, errors.New("chromium is missing: .ci/install-servers --page installs it")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.UserDataDir(filepath.Join(folder, "profile")),
		chromedp.Flag("force-color-profile", "srgb"), chromedp.Flag("lang", "en-GB"), chromedp.Env("TZ=Europe/Berlin"))
	allocator, free := chromedp.NewExecAllocator(context.Background(), options...)
	browser, leave := chromedp.NewContext(allocator)
	if err := chromedp.Do(browser); err != nil {
		return nil, fmt.Errorf("start chromium: %w", err)
	}
	shared.browser = browser
	return func() { leave(); free() }, nil
}
