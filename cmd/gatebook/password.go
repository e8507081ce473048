package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"gatebook/httpd/accounts"
)

// newPassword reads a password from the first line of a file, or asks for it twice.
func newPassword(path, name string, to *streams) (string, error) {
	if path != "" {
		password, err := firstLine("password", path)
		if err != nil {
			return "", err
		}
		return password, accounts.CheckPassword(password) // an account with an empty one could not be used
	}
	terminal := int(os.Stdin.Fd())
	if !term.IsTerminal(terminal) {
		return "", errors.New("standard input is no terminal to ask for the password; use --password-file")
	}
	password, err := ask(terminal, "Password for "+name+": ", to)
	if err != nil {
		return "", err
	}
	if err := accounts.CheckPassword(password); err != nil {
		return "", err
	}
	again, err := ask(terminal, "The same again: ", to)
	if err != nil {
		return "", err
	}
	if again != password {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return password, nil
}

// askPassword asks once for the password of an account.
func askPassword(name string, to *streams) (string, error) {
	terminal := int(os.Stdin.Fd())
	if !term.IsTerminal(terminal) {
		return "", errors.New("standard input is no terminal to ask for the password; use --password-file")
	}
	return ask(terminal, "Password for "+name+": ", to)
}

// ask asks without showing what is typed.
func ask(terminal int, prompt string, to *streams) (string, error) {
	fmt.Fprint(to.err, prompt)
	text, err := term.ReadPassword(terminal)
	fmt.Fprintln(to.err)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return string(text), nil
}

// firstLine reads a secret from the first line of a file, "-" being standard input. what is
// the secret's name in errors.
func firstLine(what, path string) (string, error) {
	file := os.Stdin
	if path != "-" {
		var err error
		if file, err = os.Open(path); err != nil {
			return "", fmt.Errorf("read the %s: %w", what, err)
		}
		defer file.Close()
	}
	line, err := bufio.NewReader(io.LimitReader(file, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the %s: %w", what, err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}
