package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/httpd/accounts"
	"gatebook/internal/regular"
)

// accountsInterval is the time between two looks for changes of accounts.
const accountsInterval = time.Second

// accountKeeper takes changes of accounts over into the running server, and records them.
// Its methods are safe for concurrent use.
type accountKeeper struct {
	gate     *accounts.Gate
	file     accounts.File
	registry *gatebook.Registry
	api      *httpd.Server
	log      zerolog.Logger

	mu      sync.Mutex // guards the fields below, and is held while changes are taken over
	due     bool       // changes may wait to be recorded
	failing string     // the error that was logged last, "" when there is none
}

// manage calls change with the file of accounts, for an administrator of that name, and takes
// over what it has changed.
func (k *accountKeeper) manage(ctx context.Context, by string, change func(accounts.File) error) error {
	file := k.file
	file.By = by
	if err := change(file); err != nil {
		return err
	}
	k.look(ctx)
	return nil
}

// look takes over what has changed. A failure is logged once. A change that could not be
// recorded is recorded the next time.
func (k *accountKeeper) look(ctx context.Context) {
	k.mu.Lock()
	defer k.mu.Unlock()
	changed, err := k.gate.Reload()
	if changed {
		k.due = true
		k.log.Info().Msg("accounts have changed")
	}
	if k.gate.Expired() || changed {
		k.api.AccountsChanged()
	}
	if err == nil && k.due {
		if err = k.file.Record(ctx, k.record(ctx)); err == nil {
			k.due = false
		}
	}
	k.report(err)
}

// record returns what records a change.
func (k *accountKeeper) record(ctx context.Context) func(accounts.Change) error {
	return func(c accounts.Change) error {
		return k.registry.RecordAccountChange(ctx, c.At, events.AccountChanged{
			Change: c.What, Role: string(c.Role), Account: c.Account, By: c.By,
		})
	}
}

// report logs a failure unless it was logged last, and logs when it is over. The caller holds
// mu.
func (k *accountKeeper) report(err error) {
	switch {
	case errors.Is(err, context.Canceled):
	case err == nil && k.failing != "":
		k.failing = ""
		k.log.Info().Msg("accounts are taken over again")
	case err != nil && err.Error() != k.failing:
		k.failing = err.Error()
		k.log.Error().Err(regular.Explain(err)).Msg("accounts that have changed are not taken over")
	}
}
