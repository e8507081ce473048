package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"gatebook/httpd/client"
)

// completionCommand are the arguments of completion.
type completionCommand struct {
	Shell string `arg:"" help:"Shell: ${enum}." enum:"bash,zsh,fish"`
}

// Help returns what --help adds.
func (completionCommand) Help() string {
	return `Prints a script that completes commands and flags, and the services, servers, users and ids of the server that runs.

Examples:
  source <(gatebook completion bash)
  gatebook completion zsh > "${fpath[1]}/_gatebook"
  gatebook completion fish > ~/.config/fish/completions/gatebook.fish`
}

// The scripts of the shells. Each asks the program for the words that can come next.
const (
	// bash cuts words at colons and equal signs, and replaces what is behind the last of them.
	bashScript = `_gatebook() {
    local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT} words
    read -ra words <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    local last=${words[-1]}
    IFS=$'\n'
    COMPREPLY=($(gatebook __complete -- "${words[@]:1}" 2>/dev/null))
    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
    [[ $last == *[:=]* ]] && COMPREPLY=("${COMPREPLY[@]#"${last%"${last##*[:=]}"}"}")
}
complete -o default -F _gatebook gatebook
`
	zshScript = `#compdef gatebook
_gatebook() {
    local -a found
    found=("${(@f)$(gatebook __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -a found
}
if [[ ${funcstack[1]} == _gatebook ]]; then
    _gatebook "$@" # loaded from a folder of fpath, by the first completion
else
    compdef _gatebook gatebook
fi
`
	fishScript = `function __gatebook_complete
    gatebook __complete -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null
end
complete -c gatebook -f -a '(__gatebook_complete)'
`
)

// Run prints the script of a shell.
func (c *completionCommand) Run(to *streams) error {
	scripts := map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}
	_, err := fmt.Fprint(to.out, scripts[c.Shell])
	return err
}

// completeCommand are the arguments of the command that the scripts call.
type completeCommand struct {
	Words []string `arg:"" optional:"" passthrough:""`
}

// completionTime is how long the server may take to say what there is.
const completionTime = time.Second

// Run prints the words that can stand in the place of the last one.
func (c *completeCommand) Run(ctx context.Context, app *kong.Kong, to *streams) error {
	words := c.Words
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	for _, word := range c.candidates(ctx, app.Model.Node, words, to) {
		if strings.HasPrefix(word, last) {
			fmt.Fprintln(to.out, word)
		}
	}
	return nil
}

// candidates returns the words that can come after all but the last one.
func (c *completeCommand) candidates(ctx context.Context, node *kong.Node, words []string, to *streams) []string {
	before, last := words[:len(words)-1], words[len(words)-1]
	var flag *kong.Flag
	for _, word := range before {
		if flag != nil {
			flag = nil
			continue
		}
		if strings.HasPrefix(word, "-") {
			if f := flagOf(node, word); f != nil && !f.IsBool() && !strings.Contains(word, "=") {
				flag = f
			}
			continue
		}
		for _, child := range node.Children {
			if child.Name == word {
				node = child
				break
			}
		}
	}
	switch {
	case flag != nil:
		return c.values(ctx, flag, words, to)
	case strings.HasPrefix(last, "-"):
		return c.flags(ctx, node, words, to)
	case len(node.Children) > 0:
		return commandsOf(node)
	}
	return c.arguments(ctx, node, words, to)
}

// commandsOf returns the names of the commands below one.
func commandsOf(node *kong.Node) []string {
	var all []string
	for _, child := range node.Children {
		if !child.Hidden {
			all = append(all, child.Name)
		}
	}
	return all
}

// flagOf returns the flag of a command that a word names, nil when there is none.
func flagOf(node *kong.Node, word string) *kong.Flag {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	for n := node; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if f.Name == name || f.Short != 0 && string(f.Short) == name {
				return f
			}
		}
	}
	return nil
}

// flagsOf returns the flags that a command takes.
func flagsOf(node *kong.Node) []string {
	var all []string
	for n := node; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if !f.Hidden {
				all = append(all, "--"+f.Name)
			}
		}
	}
	return all
}

// flags returns the flags that a command takes, or, where the last word has a flag and an equal
// sign, what the flag can be.
func (c *completeCommand) flags(ctx context.Context, node *kong.Node, words []string, to *streams) []string {
	name, _, given := strings.Cut(words[len(words)-1], "=")
	flag := flagOf(node, name)
	if !given || flag == nil {
		return flagsOf(node)
	}
	all := c.values(ctx, flag, words, to)
	for i := range all {
		all[i] = name + "=" + all[i]
	}
	return all
}

// values returns what a flag can be: one of a closed list, or what the server has.
func (c *completeCommand) values(ctx context.Context, flag *kong.Flag, words []string, to *streams) []string {
	if flag.Enum != "" {
		return slices.DeleteFunc(strings.Split(flag.Enum, ","), func(s string) bool { return s == "" })
	}
	switch flag.Name {
	case "group":
		return groupKeys()
	case "profile":
		return profileNames(to)
	}
	return c.ofServer(ctx, flag.Name, words, to)
}

// profileNames returns the names of the logins that are kept.
func profileNames(to *streams) []string {
	all, err := readProfiles(to.config)
	if err != nil {
		return nil // a shell shows no errors while it completes
	}
	return all.names()
}

// arguments returns what the arguments of a command can be.
func (c *completeCommand) arguments(ctx context.Context, node *kong.Node, words []string, to *streams) []string {
	for _, p := range node.Positional {
		switch {
		case p.Enum != "":
			return strings.Split(p.Enum, ",")
		case p.Name == "profile":
			return profileNames(to)
		case p.Name == "id":
			return c.ofServer(ctx, "id", words, to)
		}
	}
	return nil
}

// ofServer returns the names that the server has of a kind. Where no server answers there
// are none.
func (c *completeCommand) ofServer(ctx context.Context, kind string, words []string, to *streams) []string {
	ctx, stop := context.WithTimeout(ctx, completionTime)
	defer stop()
	var all []string
	remote, err := remoteOf(words)
	if err != nil {
		return nil // a shell shows no errors while it completes
	}
	err = remote.with(ctx, to, func(server *client.Client) error {
		switch kind {
		case "service":
			list, err := server.Services(ctx)
			for _, v := range list {
				all = append(all, v.Name)
			}
			return err
		case "server":
			list, err := server.Servers(ctx)
			for _, v := range list {
				all = append(all, v.Name)
			}
			return err
		case "source":
			list, err := server.Sources(ctx)
			for _, v := range list {
				all = append(all, v.Name)
			}
			return err
		case "user":
			list, err := server.Counts(ctx, kind, client.Query{Limit: mostCompleted})
			for _, v := range list {
				all = append(all, v.Group)
			}
			return err
		case "id":
			for s, err := range server.Sessions(ctx, client.Query{Fields: []string{"id"}, Limit: mostCompleted}) {
				if err != nil {
					return err
				}
				all = append(all, fmt.Sprint(s.ID))
			}
		}
		return nil
	})
	if err != nil {
		return nil // a shell shows no errors while it completes
	}
	return all
}

// mostCompleted is how many names are offered at most.
const mostCompleted = 200

// remoteOf returns the flags that say which server is asked, from the words and from the
// environment.
func remoteOf(words []string) (remoteFlags, error) {
	var r remoteFlags
	flags := map[string]*string{
		"url": &r.URL, "profile": &r.Profile, "data": &r.Data, "config": &r.Config, "account": &r.Account,
		"password-file": &r.PasswordFile, "token-file": &r.TokenFile, "cacert": &r.CACert,
	}
	found := make(targetFlags)
	for name := range flags {
		found[name] = &targetFlag{value: os.Getenv(variable(name))}
	}
	for i, word := range words {
		name, value, given := strings.Cut(word, "=")
		flag := found[strings.TrimPrefix(name, "--")]
		switch {
		case flag == nil || !strings.HasPrefix(name, "--"):
		case given:
			*flag = targetFlag{value: value, typed: true}
		case i+1 < len(words):
			*flag = targetFlag{value: words[i+1], typed: true}
		}
	}
	if err := found.settle(); err != nil {
		return r, err
	}
	for name, into := range flags {
		*into = found[name].value
	}
	return r, nil
}
