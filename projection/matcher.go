package projection

import (
	"net/netip"
	"slices"
)

// Matcher is a compiled [Filter]: it has the keys of names in place of the names. A query
// compiles its filter once and uses it for every session, live or archived. A Matcher
// never changes.
type Matcher struct {
	filter Filter
}

// Compile returns a Matcher of the filter. The filter's lists must not change while the
// Matcher is in use.
func (f *Filter) Compile() *Matcher {
	m := &Matcher{filter: *f}
	m.filter.Services, m.filter.Servers, m.filter.Sources = nameKeys(f.Services), nameKeys(f.Servers), nameKeys(f.Sources)
	return m
}

func nameKeys(names []string) []string {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = NameKey(name)
	}
	return keys
}

// MatchView reports whether a session matches the filter, what it is observed to be doing
// included.
func (m *Matcher) MatchView(v View) bool {
	if len(m.filter.Activities) > 0 && !slices.Contains(m.filter.Activities, v.Activity()) {
		return false
	}
	return m.Match(v.Session)
}

// Match reports whether a session matches the filter, whatever it is observed to be doing.
// It allocates nothing for names that are their own keys.
func (m *Matcher) Match(v *Session) bool {
	f := &m.filter
	if f.Until != 0 && v.Opened > f.Until || f.Since != 0 && v.Status != Live && v.Present() < f.Since {
		return false
	}
	if len(f.Services) > 0 && !slices.Contains(f.Services, NameKey(v.Origin().Service)) ||
		len(f.Sources) > 0 && !slices.Contains(f.Sources, NameKey(v.Origin().Source)) ||
		!m.loggedIn(v) {
		return false
	}
	if len(f.Networks) > 0 && !slices.ContainsFunc(f.Networks, func(p netip.Prefix) bool { return p.Contains(v.IP()) }) {
		return false
	}
	return (len(f.Servers) == 0 || m.reached(v)) && m.ended(v)
}

// loggedIn reports whether a session has one of the filter's users, databases and programs.
func (m *Matcher) loggedIn(v *Session) bool {
	f := &m.filter
	if len(f.Users)+len(f.Databases)+len(f.Programs) == 0 {
		return true
	}
	login := v.Login()
	return (len(f.Users) == 0 || slices.Contains(f.Users, login.User)) &&
		(len(f.Databases) == 0 || slices.Contains(f.Databases, login.Database)) &&
		(len(f.Programs) == 0 || slices.Contains(f.Programs, login.Program))
}

// ofLive reports whether a live session can match: it has not ended for a reason, and nobody
// has ended it.
func (m *Matcher) ofLive() bool {
	f := &m.filter
	return len(f.Reasons) == 0 && (len(f.By) == 0 || slices.Contains(f.By, ""))
}

// reached reports whether a session reached one of the filter's servers.
func (m *Matcher) reached(v *Session) bool {
	for i := range v.Connections {
		c := &v.Connections[i]
		if c.State != Failed && slices.Contains(m.filter.Servers, NameKey(c.Server())) {
			return true
		}
	}
	return false
}

// ended reports whether a session ended for one of the filter's reasons and by one of its
// users.
func (m *Matcher) ended(v *Session) bool {
	f := &m.filter
	if len(f.By)+len(f.Reasons) == 0 {
		return true
	}
	end := v.Ending()
	return (len(f.By) == 0 || slices.Contains(f.By, end.By)) &&
		(len(f.Reasons) == 0 || slices.Contains(f.Reasons, end.Reason))
}

// terms returns the terms of the filter, in a group for each field. A session that matches
// has at least one term of each group.
func (m *Matcher) terms() (groups [][]term) {
	group := func(of field, values []string) {
		if len(values) == 0 {
			return
		}
		all := make([]term, len(values))
		for i, value := range values {
			all[i] = term{of, value}
		}
		groups = append(groups, all)
	}
	f := &m.filter
	group(fieldService, f.Services)
	group(fieldServer, f.Servers)
	group(fieldSource, f.Sources)
	if len(f.Users) > 0 && !slices.Contains(f.Users, "") { // a session without a user has no term of it
		group(fieldUser, append(slices.Clone(f.Users), manyUsers))
	}
	return groups
}

// presentTerms is terms for the fields of which only the present value is indexed.
func (m *Matcher) presentTerms() (groups [][]term) {
	group := func(of field, values []string) {
		if len(values) == 0 || slices.Contains(values, "") {
			return // a session without a value has no term of it
		}
		all := make([]term, len(values))
		for i, value := range values {
			all[i] = term{of, value}
		}
		groups = append(groups, all)
	}
	group(fieldDatabase, m.filter.Databases)
	group(fieldProgram, m.filter.Programs)
	return groups
}

// endTerms is terms for how a session ended.
func (m *Matcher) endTerms() (groups [][]term) {
	f := &m.filter
	if len(f.Reasons) > 0 {
		var all []term
		for _, reason := range f.Reasons {
			all = append(all, term{fieldReason, reason.String()})
		}
		groups = append(groups, all)
	}
	if len(f.By) > 0 && !slices.Contains(f.By, "") { // one that nobody ended has no term of it
		var all []term
		for _, by := range f.By {
			all = append(all, term{fieldBy, by})
		}
		groups = append(groups, all)
	}
	return groups
}

// IndexGroup names keys of the archive's indexes. Disjoint is set if a session has at most
// one of them, former ones aside.
type IndexGroup struct {
	Keys     [][]byte
	Disjoint bool
}

// indexGroup returns the keys of terms, each once.
func indexGroup(terms []term, disjoint bool) IndexGroup {
	g := IndexGroup{Disjoint: disjoint}
	seen := make(map[term]bool)
	for _, t := range terms {
		if !seen[t] {
			seen[t] = true
			key := t.key()
			g.Keys = append(g.Keys, key[:])
		}
	}
	return g
}

// All returns the group of all sessions.
func All() IndexGroup { return indexGroup([]term{{field: fieldAll}}, true) }

// Returned returns the group of the sessions that were lost once.
func Returned() IndexGroup { return indexGroup([]term{{field: fieldReturned}}, true) }

// IndexGroups returns groups of keys of the archive's indexes. A session that matches the
// filter is stored under a key of each group that it has; exact is set if each session that is
// matches, by all but the networks and the window of the filter.
func (m *Matcher) IndexGroups() (groups []IndexGroup, exact bool) {
	exact = len(m.filter.Activities) == 0
	group := func(of field, values []string) {
		if len(values) == 0 {
			return
		}
		terms := make([]term, len(values))
		for i, value := range values {
			terms[i] = term{of, value}
		}
		groups = append(groups, indexGroup(terms, of != fieldServer || len(values) == 1))
	}
	f := &m.filter
	group(fieldService, f.Services)
	group(fieldServer, f.Servers)
	group(fieldSource, f.Sources)
	group(fieldUser, f.Users)
	group(fieldDatabase, f.Databases)
	group(fieldProgram, f.Programs)
	if slices.Contains(f.By, "") {
		exact = false // most sessions were ended by nobody, and have no term of it
	} else {
		group(fieldBy, f.By)
	}
	reasons := make([]string, len(f.Reasons))
	for i, reason := range f.Reasons {
		reasons[i] = reason.String()
	}
	group(fieldReason, reasons)
	return groups, exact
}

// Lasting reports whether a session that matches has matched as of each record since its
// first as of which it was live: whether the filter is of what never changes.
func (m *Matcher) Lasting() bool {
	f := &m.filter
	return len(f.Servers)+len(f.Users)+len(f.Databases)+len(f.Programs)+len(f.By)+len(f.Reasons)+len(f.Activities) == 0 && f.Since == 0
}

// IndexGroupsAsOf is IndexGroups for the sessions that match as of a record before their last
// one. They may be stored under keys that they have no more.
func (m *Matcher) IndexGroupsAsOf() (groups []IndexGroup) {
	for _, terms := range m.terms() {
		groups = append(groups, indexGroup(terms, false))
	}
	return groups
}
