package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"
)

// manCommand are the arguments of man.
type manCommand struct {
	Folder string `arg:"" optional:"" help:"Folder to write a page for each command to; without it gatebook(1) is printed." type:"path"`
}

// Help returns what --help adds.
func (manCommand) Help() string {
	return `The manual pages, made from what --help shows.

Examples:
  gatebook man | man -l -
  gatebook man /usr/local/share/man/man1`
}

// Run prints the page of the program, or writes the pages of all commands.
func (c *manCommand) Run(app *kong.Kong, to *streams) error {
	if c.Folder == "" {
		_, err := fmt.Fprint(to.out, manPage(app.Model.Node))
		return err
	}
	for _, node := range commandNodes(app.Model.Node) {
		path := filepath.Join(c.Folder, manName(node)+".1")
		if err := os.WriteFile(path, []byte(manPage(node)), 0o644); err != nil { //nolint:gosec // everybody reads manuals
			return fmt.Errorf("write a manual page: %w", err)
		}
	}
	return nil
}

// commandNodes returns a command and all below it, without hidden ones.
func commandNodes(node *kong.Node) []*kong.Node {
	all := []*kong.Node{node}
	for _, child := range node.Children {
		if !child.Hidden {
			all = append(all, commandNodes(child)...)
		}
	}
	return all
}

// manName returns the name of a command's page: gatebook-user-add.
func manName(node *kong.Node) string {
	if node.Parent == nil {
		return "gatebook"
	}
	return manName(node.Parent) + "-" + node.Name
}

// manPage returns the page of a command in the language of man.
func manPage(node *kong.Node) string {
	var b strings.Builder
	name := manName(node)
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"gatebook %s\" \"Gatebook\"\n", strings.ToUpper(name), version)
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(strings.TrimSuffix(node.Help, ".")))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n%s\n", roff(strings.ReplaceAll(name, "-", " ")), roff(synopsis(node)))
	if node.Detail != "" {
		text, examples, _ := strings.Cut(node.Detail, "\nExample")
		if strings.HasPrefix(node.Detail, "Example") {
			text, examples = "", strings.TrimPrefix(node.Detail, "Example")
		}
		if text != "" {
			fmt.Fprintf(&b, ".SH DESCRIPTION\n%s\n", roff(strings.TrimSpace(text)))
		}
		if _, list, ok := strings.Cut(examples, "\n"); ok {
			shown, rest, _ := strings.Cut(list, "\n\n")
			fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(shown))
			if rest != "" {
				fmt.Fprintf(&b, ".PP\n%s\n", roff(rest))
			}
		}
	}
	manCommands(&b, node)
	manOptions(&b, node)
	b.WriteString(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage.\n")
	return b.String()
}

// synopsis returns how a command is called, after its name.
func synopsis(node *kong.Node) string {
	var parts []string
	if len(node.Children) > 0 {
		parts = append(parts, "COMMAND")
	}
	parts = append(parts, "[OPTION]...")
	for _, p := range node.Positional {
		parts = append(parts, p.Summary())
	}
	return strings.Join(parts, " ")
}

// manCommands appends the commands below one.
func manCommands(b *strings.Builder, node *kong.Node) {
	if len(node.Children) == 0 {
		return
	}
	b.WriteString(".SH COMMANDS\n")
	for _, child := range node.Children {
		if !child.Hidden {
			fmt.Fprintf(b, ".TP\n.B %s\n%s See %s(1).\n", roff(child.Name), roff(child.Help), roff(manName(child)))
		}
	}
}

// manOptions appends the arguments and the flags that a command takes.
func manOptions(b *strings.Builder, node *kong.Node) {
	b.WriteString(".SH OPTIONS\n")
	for _, p := range node.Positional {
		fmt.Fprintf(b, ".TP\n.I %s\n%s\n", roff(p.Summary()), roff(p.Help))
	}
	for n := node; n != nil; n = n.Parent {
		for _, f := range n.Flags {
			if f.Hidden {
				continue
			}
			name := "--" + f.Name
			if f.Short != 0 {
				name = "-" + string(f.Short) + ", " + name
			}
			if !f.IsBool() {
				name += "=" + f.FormatPlaceHolder()
			}
			text := f.Help
			for _, e := range f.Envs {
				text += " ($" + e + ")"
			}
			fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(name), roff(text))
		}
	}
}

// roff returns a text as it is written in a manual page.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		switch {
		case l == "":
			lines[i] = ".PP"
		case l[0] == '.' || l[0] == '\'':
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
