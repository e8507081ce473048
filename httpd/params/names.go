package params

// The names of the parameters.
const (
	Account      = "account"
	Activity     = "activity"
	Address      = "address"
	After        = "after"
	At           = "at"
	By           = "by"
	Cancel       = "cancel"
	Count        = "count"
	Database     = "database"
	DryRun       = "dry_run"
	Fields       = "fields"
	Follow       = "follow"
	From         = "from"
	Group        = "group"
	Kind         = "kind"
	Limit        = "limit"
	Observations = "observations"
	Personal     = "personal"
	Pretty       = "pretty"
	Program      = "program"
	Range        = "range"
	Reason       = "reason"
	Role         = "role"
	Seal         = "seal"
	Secrets      = "secrets"
	Sequence     = "sequence"
	Server       = "server"
	Service      = "service"
	Session      = "session"
	Since        = "since"
	Size         = "size"
	Sort         = "sort"
	Source       = "source"
	Status       = "status"
	To           = "to"
	TTL          = "ttl"
	TZ           = "tz"
	Until        = "until"
	User         = "user"
)

// Names returns the names of all parameters.
func Names() []string {
	return []string{
		Account, Activity, Address, After, At, By, Cancel, Count, Database, DryRun, Fields, Follow, From, Group, Kind,
		Observations, Session, Limit, Personal, Pretty, Program, Range, Reason, Role, Seal, Secrets, Sequence, Server, Service,
		Since, Size, Sort, Source, Status, To, TTL, TZ, Until, User,
	}
}

// OfCounts returns the names of the parameters of counts of sessions.
func OfCounts() []string {
	return []string{
		Fields, Group, Status, User, Database, Program, Service, Server, Source, Reason, By, Address, Activity,
		Since, Until, TZ, Limit,
	}
}

// OfSessions returns the names of the parameters of a list of sessions.
func OfSessions() []string {
	return []string{
		Fields, Status, User, Database, Program, Service, Server, Source, Reason, By, Address, Activity,
		Since, Until, At, TZ, Sort, Range, Limit, After, Count,
	}
}
