package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is a tab of the browser. What goes wrong in it fails its test.
type tab struct {
	t      testing.TB
	ctx    context.Context
	origin string
	leave  func() // closes it

	mu      sync.Mutex
	wrong   []string
	streams int      // how many times it asked for the stream of records
	allowed []string // parts of messages that are expected
	closed  bool
}

// open opens an address in a new tab. It has a profile of its own, which keeps the tests
// apart, or that of the tab beside it.
func open(t testing.TB, address string, beside ...*tab) *tab {
	t.Helper()
	var ctx context.Context
	var leave context.CancelFunc
	if len(beside) > 0 {
		ctx, leave = chromedp.NewContext(beside[0].ctx)
	} else {
		ctx, leave = chromedp.NewContext(shared.browser, chromedp.WithNewBrowserContext())
	}
	scheme, rest, _ := strings.Cut(address, "://")
	host, _, _ := strings.Cut(rest, "/")
	p := &tab{t: t, ctx: ctx, leave: leave, origin: scheme + "://" + host + "/"}
	check(t, chromedp.Listen(ctx, p.heard))
	t.Cleanup(func() {
		p.mu.Lock()
		p.closed = true
		wrong := p.wrong
		p.mu.Unlock()
		if t.Failed() {
			p.keepPicture()
		}
		leave()
		for _, w := range wrong {
			t.Error(w)
		}
	})
	_, err := chromedp.Call(ctx, network.Enable, network.EnableParams{})
	check(t, err)
	_, err = chromedp.Call(ctx, log.Enable, cdp.Empty{})
	check(t, err)
	p.run(chromedp.EmulateViewport(1440, 900), chromedp.Navigate(address))
	return p
}

// allow expects messages that have a text.
func (p *tab) allow(texts ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.allowed = append(p.allowed, texts...)
}

// heard notes what must not happen: an error in the console, and a request to elsewhere.
func (p *tab) heard(event any) {
	text := ""
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		details, _ := json.Marshal(e.ExceptionDetails)
		text = "exception: " + string(details)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			arguments, _ := json.Marshal(e.Args)
			text = "console: " + string(arguments)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			text = "console: " + e.Entry.Text + " " + e.Entry.URL
		}
	case *page.EventJavascriptDialogOpening:
		text = "a dialog of the browser: " + e.Message
	case *network.EventResponseReceived:
		for name, challenge := range e.Response.Headers {
			if strings.EqualFold(name, "WWW-Authenticate") && strings.Contains(fmt.Sprint(challenge), "Basic") {
				text = "an answer that opens the browser's password dialog: " + e.Response.URL
			}
		}
	case *network.EventRequestWillBeSent:
		if strings.Contains(e.Request.URL, "events?follow=true") {
			p.mu.Lock()
			p.streams++
			p.mu.Unlock()
		}
		if u := e.Request.URL; !strings.HasPrefix(u, p.origin) && !strings.HasPrefix(u, "data:") && !strings.HasPrefix(u, "blob:"+p.origin) {
			text = "a request to elsewhere: " + u
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if text == "" || p.closed {
		return
	}
	for _, allowed := range p.allowed {
		if strings.Contains(text, allowed) {
			return
		}
	}
	p.wrong = append(p.wrong, text)
}

// step is something that is done in a tab.
type step = chromedp.Action[chromedp.Void]

func (p *tab) run(steps ...step) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatal(err)
	}
}

// value returns the value of an expression, or what its promise comes to.
func value[T any](p *tab, expression string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression, awaiting))
	check(p.t, err)
	return v
}

func awaiting(p *runtime.EvaluateParams) { yes := true; p.AwaitPromise = &yes }

// until waits until an expression is true.
func (p *tab) until(expression string) {
	p.t.Helper()
	end := time.Now().Add(deadline)
	for ; time.Now().Before(end); time.Sleep(40 * time.Millisecond) {
		if holds, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")")); err == nil && holds {
			return
		}
	}
	p.t.Fatalf("it did not become true within %s: %s\nthe page says: %.1500s", deadline, expression, value[string](p, "document.body.innerText"))
}

// shows waits until the page has a text.
func (p *tab) shows(text string) {
	p.t.Helper()
	quoted, _ := json.Marshal(text)
	p.until("document.body.innerText.includes(" + string(quoted) + ")")
}

// click clicks the element that a selector finds.
func (p *tab) click(selector string) {
	p.t.Helper()
	quoted, _ := json.Marshal(selector)
	p.until("document.querySelector(" + string(quoted) + ")")
	var err error
	eventually(p.t, "a click on "+selector, func() bool { // what is drawn anew meanwhile is another element
		err = chromedp.Do(p.ctx, chromedp.Click(chromedp.CSS(selector)))
		return err == nil || !strings.Contains(err.Error(), "Could not find node")
	})
	check(p.t, err)
}

// press clicks the button or link that has a text.
func (p *tab) press(text string) {
	p.t.Helper()
	quoted, _ := json.Marshal(text)
	find := "[...document.querySelectorAll('button, a, summary')].find((e) => e.innerText.trim() === " + string(quoted) + " && e.offsetParent && !e.disabled)"
	p.until(find)
	p.do(find + ".click()")
}

// enter writes a text into a field.
func (p *tab) enter(selector, text string) {
	p.t.Helper()
	p.run(chromedp.WaitVisible(chromedp.CSS(selector)))
	p.do(fmt.Sprintf("document.querySelector(%q).value = ''", selector))
	p.run(chromedp.SendKeys(chromedp.CSS(selector), text))
}

// key presses a key.
func (p *tab) key(keys string) {
	p.t.Helper()
	p.run(chromedp.KeyEvent(keys))
}

const (
	keyEnter = kb.Enter
	keyEnd   = kb.End
	keyHome  = kb.Home
	keyDown  = kb.ArrowDown
	keyLeft  = kb.ArrowLeft
	keyTab   = kb.Tab
	keyEsc   = kb.Escape
)

// goTo leads to a route.
func (p *tab) goTo(route string) {
	p.t.Helper()
	quoted, _ := json.Marshal(route)
	p.do("location.hash = " + string(quoted))
}

// signIn signs in with the account's password.
func (p *tab) signIn(name string) {
	p.t.Helper()
	p.enter("input[name=name]", name)
	p.enter("input[name=password]", password(name))
	p.press("Sign in")
}

// resize makes the tab as wide and high as a device.
func (p *tab) resize(width, height int64, phone bool) {
	p.t.Helper()
	options := []chromedp.EmulateViewportOption{chromedp.EmulateScale(1)}
	if phone {
		options = []chromedp.EmulateViewportOption{chromedp.EmulateScale(2), chromedp.EmulateMobile}
	}
	p.run(chromedp.EmulateViewport(width, height, options...))
}

// prefer sets what the system prefers, as in prefers-color-scheme: dark.
func (p *tab) prefer(features ...string) {
	p.t.Helper()
	var all []*emulation.MediaFeature
	for _, f := range features {
		name, v, _ := strings.Cut(f, ": ")
		all = append(all, &emulation.MediaFeature{Name: name, Value: v})
	}
	_, err := chromedp.Call(p.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: all})
	check(p.t, err)
}

// picture returns what the tab shows, as PNG.
func (p *tab) picture() []byte {
	p.t.Helper()
	b, err := chromedp.Run(p.ctx, chromedp.CaptureScreenshot())
	check(p.t, err)
	return b
}

// keepPicture writes what the tab shows when its test has failed, if E2E_PICTURES names a
// folder.
func (p *tab) keepPicture() {
	folder := os.Getenv("E2E_PICTURES")
	if folder == "" {
		return
	}
	ctx, stop := context.WithTimeout(p.ctx, 5*time.Second)
	defer stop()
	if b, err := chromedp.Run(ctx, chromedp.CaptureScreenshot()); err == nil {
		_ = os.WriteFile(filepath.Join(folder, strings.ReplaceAll(p.t.Name(), "/", "-")+".png"), b, 0o600)
	}
}

// choose chooses a value of a list, as a person does.
func (p *tab) choose(selector, value string) {
	p.t.Helper()
	p.do(fmt.Sprintf(`{ const list = document.querySelector(%q); list.value = %q; list.dispatchEvent(new Event("change", { bubbles: true })); }`, selector, value))
}

// do evaluates statements.
func (p *tab) do(statements string) {
	p.t.Helper()
	_ = value[bool](p, statements+"; true")
}
