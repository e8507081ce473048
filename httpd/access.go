package httpd

// access is who may ask for an operation. Who that is matters only when there are
// accounts: without any, everybody whom the guard lets in may do everything.
type access uint8

const (
	// forAdmins is for accounts of role admin alone: what changes something. It is
	// the zero value, so that what is forgotten is closed.
	forAdmins access = iota
	// forReaders is for the roles basic and admin: what reads the book.
	forReaders
	// forSources is for the roles source and admin: reports.
	forSources
	// forFeed is for every role; the handler gives an account of role source
	// nothing but the events of its own source.
	forFeed
	// forAccounts is for every role.
	forAccounts
	// forAll is open without login.
	forAll
)
