package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"gatebook"
)

// initCommand are the arguments of init.
type initCommand struct {
	Config string `help:"Configuration file (TOML), for the data folder it names." type:"path" env:"GATEBOOK_CONFIG" placeholder:"FILE"`
	Data   string `help:"Data folder; created if it does not exist (gatebook-data)." env:"GATEBOOK_DATA" placeholder:"FOLDER"`
}

// Help returns what --help adds.
func (initCommand) Help() string {
	return `gatebook serve does that by itself. Use init to add accounts before the server first starts, as the user that the
server runs as.

Example:
  gatebook init --data /var/lib/gatebook
  gatebook user add ann --role admin --data /var/lib/gatebook`
}

// Run begins a book.
func (c *initCommand) Run(ctx context.Context, to *streams) error {
	folder, err := dataFolder(c.Config, c.Data)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(folder)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("data folder: %w", err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "accounts") { // which may be there before a book
			return fmt.Errorf("%s is in use already: there is %s in it", folder, e.Name())
		}
	}
	registry, err := gatebook.Open(ctx, folder, gatebook.Options{})
	if err != nil {
		return err
	}
	if err := registry.Close(); err != nil {
		return err
	}
	fmt.Fprintf(to.out, "data  %s, a new book\n", folder)
	return nil
}
