package main_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"slices"
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

// TestCompletionScripts runs the script of each shell that is installed.
func TestCompletionScripts(t *testing.T) {
	t.Parallel()
	for shell, script := range map[string]string{
		"bash": `source <(gatebook completion bash); COMP_WORDS=(gatebook list --status l); COMP_CWORD=3; _gatebook; echo "${COMPREPLY[@]}"`,
		"fish": `gatebook completion fish | source; complete -C "gatebook list --status l"`,
	} {
		if _, err := exec.LookPath(shell); err != nil {
			continue
		}
		command := exec.CommandContext(t.Context(), shell, "-c", script)
		command.Env = append(command.Environ(), "PATH="+filepath.Dir(binary)+":/usr/bin:/bin")
		out, err := command.CombinedOutput()
		if err != nil || !slices.Equal(strings.Fields(string(out)), []string{"live", "lost"}) {
			t.Errorf("%s: %v, %s", shell, err, out)
		}
	}
}
