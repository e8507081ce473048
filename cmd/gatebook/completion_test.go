package main_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatebook/cmd/gatebook"
)

// TestCompletion asks what can come next on a command line, of commands, flags, closed lists
// and what the server has; and without a server.
func TestCompletion(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	url := "http://" + b.address
	for _, c := range []struct {
		words []string
		want  string
	}{
		{[]string{"li"}, "list"},
		{[]string{"ser"}, "serve services servers"},
		{[]string{"user", "re"}, "remove"},
		{[]string{"list", "--sta"}, "--status"},
		{[]string{"list", "--status", "l"}, "live lost"},
		{[]string{"list", "-o", ""}, "table wide json ndjson csv"},
		{[]string{"list", "--status=live", "--watch", "--use"}, "--user"},
		{[]string{"completion", ""}, "bash zsh fish"},
		{[]string{"list", "--url", url, "--service", "o"}, "orders"},
		{[]string{"list", "--url=" + url, "--server", "db-"}, "db-1 db-2 db-3"},
		{[]string{"history", "--url", url, "--source", ""}, "edge-1 gateway"},
		{[]string{"list", "--url", url, "--user", "j"}, "jdoe"},
		{[]string{"show", "--url", url, ""}, "2 3 4"},
		{[]string{"kill", "--url", url, "2", ""}, "2 3 4"},
		{[]string{"show", "--url", "http://127.0.0.1:" + unusedPort(t), ""}, ""},
		{[]string{"nothing", ""}, "serve init"},
	} {
		var out, errs bytes.Buffer
		status := main.RunAt(t.Context(), append([]string{"__complete", "--"}, c.words...), &out, &errs, 0, false, b.clock.Now(), berlin())
		got := strings.Join(strings.Fields(out.String()), " ")
		if status != 0 || errs.Len() > 0 || got != c.want && !(c.words[0] == "nothing" && strings.HasPrefix(got, c.want)) {
			t.Errorf("%q: got %q, want %q; %s", c.words, got, c.want, &errs)
		}
	}
}

// TestCompletionInShells presses Tab in each shell: for a word of a closed list, and for what
// the server has.
func TestCompletionInShells(t *testing.T) {
	t.Parallel()
	b := newBook(t)
	rc := func(name string, lines ...string) string {
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
		return path
	}
	path := "PATH=" + filepath.Dir(binary) + ":$PATH"
	for name, command := range map[string]string{
		"bash": "bash --noprofile --rcfile " + rc("bashrc", path, "PS1='> '", "source <(gatebook completion bash)"),
		"fish": "fish --no-config --init-command 'set PATH " + filepath.Dir(binary) + " $PATH; function fish_prompt; echo -n \"> \"; end; gatebook completion fish | source'",
		"zsh":  "env ZDOTDIR=" + filepath.Dir(rc(".zshrc", path, "PS1='> '", "autoload -Uz compinit; compinit -u -D", "source <(gatebook completion zsh)")) + " zsh",
		// The script in a folder of fpath is loaded by the first completion.
		"zsh with fpath": "env ZDOTDIR=" + filepath.Dir(rc(".zshrc", path, "PS1='> '", `fpath=($ZDOTDIR $fpath)`, "gatebook completion zsh > $ZDOTDIR/_gatebook", "autoload -Uz compinit; compinit -u -D")) + " zsh",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			shell := strings.Fields(strings.TrimPrefix(name, "env "))[0]
			if _, err := exec.LookPath(shell); err != nil {
				t.Fatalf("%v: run .ci/install-servers", err)
			}
			for _, c := range []struct{ line, last, want string }{
				{"gatebook list --status l", "--status l", "lost"},
				{"gatebook list --status=l", "--status=l", "lost"},
				{"gatebook list --url http://" + b.address + " --service o", "--service o", "--service orders"},
			} {
				s := onScreen(t, 100, 24, "exec "+command)
				s.shows(">")
				s.types(c.line)
				s.shows(c.last)
				s.press("Tab", "Tab")
				s.shows(c.want)
			}
		})
	}
}
