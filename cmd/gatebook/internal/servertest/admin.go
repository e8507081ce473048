package servertest

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// adminTimeout bounds one statement of the administrator.
const adminTimeout = 30 * time.Second

// Process is one connection as the server lists it.
type Process struct {
	// ID is MariaDB's connection id, or the process id of PostgreSQL's backend. The server
	// sends it to its client at login.
	ID int64
	// User and Database are empty as long as the login is not over; MariaDB then
	// names the user "unauthenticated user".
	User, Database string
	// State is MariaDB's command (Sleep, Query) or PostgreSQL's state (idle,
	// active); Statement is the one that runs, in PostgreSQL also the last one.
	State, Statement string
}

// Processes returns the connections that the server has at this moment, but for
// its own and the administrator's, in the order of their ids. A test that
// counts what came through a gateway logs in as a user of [Server.AddUser].
func (s *Server) Processes() ([]Process, error) {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	rows, err := s.admin.QueryContext(ctx, s.engine.processes())
	if err != nil {
		return nil, fmt.Errorf("list the processes of %s: %w", s.engine.name(), err)
	}
	defer rows.Close()
	var all []Process
	for rows.Next() {
		var p Process
		if err := rows.Scan(&p.ID, &p.User, &p.Database, &p.State, &p.Statement); err != nil {
			return nil, fmt.Errorf("read a process of %s: %w", s.engine.name(), err)
		}
		all = append(all, p)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list the processes of %s: %w", s.engine.name(), err)
	}
	return all, nil
}

// AddUser creates a user with all rights in Database, who may log in from any address with
// the password.
func (s *Server) AddUser(name, password string) error {
	for _, statement := range s.engine.addUser(name, password) {
		if err := s.Exec(statement); err != nil {
			return fmt.Errorf("add user %s: %w", name, err)
		}
	}
	return nil
}

// Exec runs one statement as the administrator in Database, on a connection of
// its own.
func (s *Server) Exec(statement string, args ...any) error {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	if _, err := s.admin.ExecContext(ctx, statement, args...); err != nil {
		return fmt.Errorf("ask %s: %w", s.engine.name(), err)
	}
	return nil
}

// Query runs one statement as the administrator in Database and returns its
// rows as text; a NULL is an empty text.
func (s *Server) Query(statement string, args ...any) ([][]string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	rows, err := s.admin.QueryContext(ctx, statement, args...)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", s.engine.name(), err)
	}
	defer rows.Close()
	var all [][]string
	for rows.Next() {
		row, err := scanText(rows)
		if err != nil {
			return nil, fmt.Errorf("read an answer of %s: %w", s.engine.name(), err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("ask %s: %w", s.engine.name(), err)
	}
	return all, nil
}

func scanText(rows *sql.Rows) ([]string, error) {
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	values := make([]sql.NullString, len(columns))
	targets := make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	if err := rows.Scan(targets...); err != nil {
		return nil, err
	}
	row := make([]string, len(columns))
	for i, v := range values {
		row[i] = v.String
	}
	return row, nil
}
