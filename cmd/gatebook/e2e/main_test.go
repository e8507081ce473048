package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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
	build := exec.Command("go", "build", "-o", shared.binary, ".")
	build.Dir, build.Stdout, build.Stderr = "..", os.Stderr, os.Stderr
	if err := build.Run(); err != nil {
		return failed(err)
	}
	if shared.mariaDB, err = servertest.NewMariaDB(); err != nil {
		return failed(err)
	}
	defer func() { _ = shared.mariaDB.Close() }()
	if shared.postgres, err = servertest.NewPostgres(); err != nil {
		return failed(err)
	}
	defer func() { _ = shared.postgres.Close() }()
	stop, err := startBrowser(folder)
	if err != nil {
		return failed(err)
	}
	defer stop()
	return m.Run()
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
