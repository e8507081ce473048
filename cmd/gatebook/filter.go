package main

import (
	"fmt"
	"strings"
	"time"

	"gatebook/httpd/client"
	"gatebook/internal/when"
)

// filterFlags say which sessions are meant. A flag that is given twice means either.
type filterFlags struct {
	User     []string `help:"Of that user." sep:"none" group:"Which sessions"`
	Service  []string `help:"Of that service." sep:"none" group:"Which sessions"`
	Server   []string `help:"That have reached that server." sep:"none" group:"Which sessions"`
	Address  []string `help:"From that address or network." placeholder:"CIDR" sep:"none" group:"Which sessions"`
	Database []string `help:"In that database." sep:"none" group:"Which sessions"`
	Program  []string `help:"Of that program, as the client names itself." sep:"none" group:"Which sessions"`
	Source   []string `help:"Reported by that source." sep:"none" group:"Which sessions"`
	Since    string   `help:"Connected at that time or later: 24h (ago), 03:12, 2026-11-24, 'last tuesday'." placeholder:"TIME" group:"Which sessions"`
	Until    string   `help:"Connected at that time or before." placeholder:"TIME" group:"Which sessions"`
	At       string   `help:"As they were at that time, or at a record of the log." placeholder:"TIME" group:"Which sessions"`
	Limit    int      `help:"At most that many." placeholder:"N" group:"Which sessions"`
}

// query returns the query of the flags, with times in UTC. It says on standard error, on a
// terminal, which times the words meant.
func (f *filterFlags) query(to *streams) (client.Query, error) {
	q := client.Query{
		User: f.User, Service: f.Service, Server: f.Server, Address: f.Address,
		Database: f.Database, Program: f.Program, Source: f.Source, Limit: f.Limit,
	}
	if f.Limit < 0 {
		return q, fmt.Errorf("--limit is %d; it is how many to show at most, from 1", f.Limit)
	}
	from, until, at, err := f.times(to)
	q.Since, q.Until, q.At = from, until, at
	return q, err
}

// times returns the times of the flags as the API takes them. A day or a week that is given
// as the beginning alone is the beginning.
func (f *filterFlags) times(to *streams) (from, until, at string, err error) {
	var said []string
	read := func(flag, text string, end bool) string {
		if text == "" || err != nil {
			return ""
		}
		if _, wrong := when.Duration(text); wrong == nil || flag == "at" && strings.Trim(text, "0123456789") == "" {
			return text // it moves with the server's clock, or is a record
		}
		span, wrong := when.Spoken(text, to.now(), to.zone)
		if wrong != nil {
			err = fmt.Errorf("--%s %q cannot be read: %w", flag, text, wrong)
			return ""
		}
		t := span.From
		if end {
			t = span.To
		}
		said = append(said, fmt.Sprintf("%s %s", flag, t.UTC().Format("2006-01-02 15:04:05 UTC")))
		return t.UTC().Format(time.RFC3339Nano)
	}
	from, until, at = read("since", f.Since, false), read("until", f.Until, true), read("at", f.At, false)
	if err == nil && to.width > 0 && len(said) > 0 {
		fmt.Fprintln(to.err, strings.Join(said, ", "))
	}
	return from, until, at, err
}
