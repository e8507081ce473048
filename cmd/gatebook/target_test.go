package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// runWith runs the program with variables of the environment, and returns what it has said and its status.
func runWith(t *testing.T, environment []string, args ...string) (string, int) {
	t.Helper()
	command := exec.Command(binary, args...)
	command.Env = append(os.Environ(), environment...)
	command.Dir = t.TempDir()
	out, err := command.CombinedOutput()
	if command.ProcessState == nil {
		t.Fatal(err)
	}
	return string(out), command.ProcessState.ExitCode()
}

// TestOneTarget names a server and a data folder together, with flags and in the environment. A flag comes before
// the environment; two flags, and two variables, are refused. What is printed names what was answered for.
func TestOneTarget(t *testing.T) {
	t.Parallel()
	room := t.TempDir()
	a, b := newSegments(t), filepath.Join(room, "b")
	p := serve(t, "--data", b)
	p.request("GET", "/sessions")
	_, _, head := p.request("GET", "/log/checkpoint")
	since, pass := filepath.Join(room, "since"), filepath.Join(room, "token")
	must(t, os.WriteFile(since, []byte(head), 0o600), os.WriteFile(pass, []byte("secret\n"), 0o600))
	config := filepath.Join(room, "gatebook.toml")
	must(t, os.WriteFile(config, []byte("data = \""+a+"\"\n"), 0o600))
	n := 0
	commands := map[string]func() []string{
		"info":   func() []string { return []string{"info"} },
		"verify": func() []string { return []string{"verify", "--since", since} },
		"backup": func() []string { n++; return []string{"backup", filepath.Join(room, "backup", string(rune('a'+n)))} },
		"export": func() []string {
			n++
			return []string{"export", "--out", filepath.Join(room, "out"+string(rune('a'+n)))}
		},
		"csv": func() []string {
			n++
			return []string{"export", "--format", "csv", "--out", filepath.Join(room, "out"+string(rune('a'+n)))}
		},
		"list":   func() []string { return []string{"list"} },
		"tokens": func() []string { return []string{"user", "token"} },
	}
	must(t, os.Mkdir(filepath.Join(room, "backup"), 0o700))
	for name, args := range commands {
		t.Run(name, func(t *testing.T) {
			for _, c := range []struct {
				flags, environment []string
				status             int
				says               string // "" where the command says of nothing where it is from
			}{
				{flags: []string{"--url", p.api, "--data", a}, status: 2, says: "--url and --data are both given"},
				{flags: []string{"--url", p.api, "--config", config}, status: 2, says: "--url and --config are both given"},
				{flags: []string{"--profile", "x", "--data", a}, status: 2, says: "--profile and --data are both given"},
				{flags: []string{"--token-file", pass, "--data", a}, status: 2, says: "--token-file and --data are both given"},
				{environment: []string{"GATEBOOK_URL=" + p.api, "GATEBOOK_DATA=" + a}, status: 2, says: "GATEBOOK_URL and GATEBOOK_DATA are both set"},
				{flags: []string{"--url", p.api}, environment: []string{"GATEBOOK_DATA=" + a}, says: p.api},
				{flags: []string{"--url", p.api}, environment: []string{"GATEBOOK_PROFILE=none", "GATEBOOK_CONFIG=" + config}, says: p.api},
				{flags: []string{"--data", b}, environment: []string{"GATEBOOK_URL=http://127.0.0.1:1"}, says: b},
				{flags: []string{"--data", b}, environment: []string{"GATEBOOK_PROFILE=none", "GATEBOOK_TOKEN_FILE=" + pass}, says: b},
				{environment: []string{"GATEBOOK_URL=" + p.api}, says: p.api},
				{environment: []string{"GATEBOOK_DATA=" + b}, says: b},
			} {
				line := args()
				if c.status == 0 && name == "tokens" && c.says == p.api {
					continue // a server without accounts has no tokens over the network
				}
				if c.status == 0 && name == "verify" && c.says == b {
					line = []string{"verify"}
				}
				out, status := runWith(t, c.environment, append(line, c.flags...)...)
				if name == "list" || name == "tokens" {
					if c.status == 0 {
						c.says = ""
					}
				}
				if status != c.status || !strings.Contains(out, c.says) {
					t.Errorf("%q, %q: status %d, want %d; it says %q, want %q in it", line, append(c.flags, c.environment...), status, c.status, out, c.says)
				}
			}
		})
	}
	// A configuration file names a folder. Where no server has it open, no other server answers for it.
	if out, status := runWith(t, nil, "list", "--config", config); status != 1 || !strings.Contains(out, "no server has the data folder "+a+" open") {
		t.Errorf("of a folder without a server it says %q, status %d", out, status)
	}
}
