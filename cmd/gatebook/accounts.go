package main

import (
	"context"
	"errors"
	"time"

	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/events"
	"gatebook/httpd"
	"gatebook/httpd/accounts"
)

// accountsInterval is how often is looked whether accounts have changed.
const accountsInterval = time.Second

// accountKeeper takes changes of accounts over into the running server, and onto
// the record. It belongs to one goroutine.
type accountKeeper struct {
	gate     *accounts.Gate
	file     accounts.File
	registry *gatebook.Registry
	api      *httpd.Server
	log      zerolog.Logger

	due     bool   // changes may wait to be recorded
	failing string // what was logged last, "" when all is well
}

// look takes over what has changed. A failure is logged once, and what could not be
// recorded is tried again the next time.
func (k *accountKeeper) look(ctx context.Context) {
	changed, err := k.gate.Reload()
	if changed {
		k.due = true
		k.log.Info().Msg("accounts have changed")
		k.api.AccountsChanged()
	}
	if err == nil && k.due {
		if err = k.file.Record(ctx, k.record(ctx)); err == nil {
			k.due = false
		}
	}
	k.tell(err)
}

// record puts a change on the record.
func (k *accountKeeper) record(ctx context.Context) func(accounts.Change) error {
	return func(c accounts.Change) error {
		return k.registry.RecordAccountChange(ctx, c.At, events.AccountChanged{
			Change: c.What, Role: string(c.Role), Account: c.Account, By: c.By,
		})
	}
}

func (k *accountKeeper) tell(err error) {
	switch {
	case errors.Is(err, context.Canceled):
	case err == nil && k.failing != "":
		k.failing = ""
		k.log.Info().Msg("accounts are taken over again")
	case err != nil && err.Error() != k.failing:
		k.failing = err.Error()
		k.log.Error().Err(err).Msg("accounts that have changed are not taken over")
	}
}
