package gateway

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
)

// Reload takes over what of a new configuration can change while the gateway runs. It
// returns what has changed and what needs a restart, as lines like
// "service orders: max_sessions".
//
// New sessions get the new configuration. Sessions that have begun keep the old one, but
// for the idle timeout. New servers are added, and drained ones get no more sessions. A
// restart is needed to change how a server is reached, what a service listens on or
// speaks, which services there are, and in which mode sessions are recorded. A server that
// is no longer configured is no longer used, and stays on the record.
//
// An invalid configuration changes nothing. Where the recorder fails, the changes before
// that have been made, and are returned.
func (g *Gateway) Reload(ctx context.Context, config Config) (changes, needRestart []string, err error) {
	config, err = config.withDefaults()
	if err != nil {
		return nil, nil, fmt.Errorf("read configuration: %w", err)
	}
	g.reloading.Lock()
	defer g.reloading.Unlock()
	l := &reload{gateway: g, old: g.config, new: config}
	err = g.panics.guard("reload the configuration", func() error { return l.run(ctx) })
	return l.changes, l.needRestart, err
}

// ReloadCertificates reads the files of certificates, keys and authorities again. Handshakes
// from now on use them; established sessions go on as they are. An error lists the files
// that cannot be read; what they are for stays as it was.
func (g *Gateway) ReloadCertificates() error {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	err := g.panics.guard("reload certificates", func() error {
		fresh, err := loadCredentials(g.config, g.sessions.credentials.Load())
		g.sessions.credentials.Store(fresh)
		return err
	})
	if err != nil {
		return fmt.Errorf("reload certificates: %w", err)
	}
	return nil
}

// Secured returns how many services offer TLS, and to how many servers the gateway
// speaks it. [Gateway.ReloadCertificates] reads their files.
func (g *Gateway) Secured() (services, servers int) {
	c := g.sessions.credentials.Load()
	return len(c.services), len(c.servers)
}

// reload is a reload under way.
type reload struct {
	gateway              *Gateway
	old, new             Config
	changes, needRestart []string
}

// run takes over what can change.
func (l *reload) run(ctx context.Context) error {
	l.common()
	if err := l.servers(ctx); err != nil {
		return err
	}
	return l.services(ctx)
}

// changed notes what has changed.
func (l *reload) changed(format string, args ...any) {
	l.changes = append(l.changes, fmt.Sprintf(format, args...))
}

// later notes what needs a restart.
func (l *reload) later(format string, args ...any) {
	l.needRestart = append(l.needRestart, fmt.Sprintf(format, args...))
}

// common compares the settings of the gateway as a whole.
func (l *reload) common() {
	if l.new.StatisticsInterval != l.old.StatisticsInterval {
		l.later("statistics_interval")
	}
	if l.new.Record.orStrict() != l.old.Record.orStrict() {
		l.later("record")
	}
}

// orStrict returns the way to record, which is strict when it is empty.
func (r Recording) orStrict() Recording {
	if r == "" {
		return RecordStrict
	}
	return r
}

// servers adds new servers, and drains those that are to be drained.
func (l *reload) servers(ctx context.Context) error {
	for i := range l.new.Servers {
		server := &l.new.Servers[i]
		known := l.gateway.backends.find(server.Name)
		if known == nil {
			if err := l.gateway.declareServer(ctx, l.new, *server); err != nil {
				return err
			}
			if err := l.gateway.trust(*server); err != nil {
				return err
			}
			l.gateway.backends.add(server)
			l.changed("server %s: new", server.Name)
			continue
		}
		if known.draining.Swap(server.Drain) != server.Drain {
			l.changed("server %s: drain", server.Name)
		}
		ignored := []string{"Name", "Drain"}
		if keys := differences(*known.Server, *server, ignored); len(keys) > 0 {
			l.later("server %s: %s", server.Name, strings.Join(keys, ", "))
		}
	}
	return nil
}

// trust loads what TLS with a new server needs. Its caller holds reloading.
func (g *Gateway) trust(server Server) error {
	config := g.config
	config.Servers = append(slices.Clone(config.Servers), server)
	fresh, err := loadCredentials(config, g.sessions.credentials.Load())
	if err != nil {
		return fmt.Errorf("server %s: %w", server.Name, err)
	}
	g.config = config
	g.sessions.credentials.Store(fresh)
	return nil
}

// services changes the services that stay.
func (l *reload) services(ctx context.Context) error {
	for _, running := range l.gateway.services {
		if !slices.ContainsFunc(l.new.Services, func(s Service) bool { return s.Name == running.Name }) {
			l.later("service %s: not configured any more", running.Name)
		}
	}
	for _, c := range l.new.Services {
		i := slices.IndexFunc(l.gateway.services, func(s *service) bool { return s.Name == c.Name })
		if i < 0 {
			l.later("service %s: new", c.Name)
			continue
		}
		if err := l.service(ctx, l.gateway.services[i].now(), c); err != nil {
			return err
		}
	}
	return nil
}

// service gives new sessions of a service its new configuration.
func (l *reload) service(ctx context.Context, running *service, c Service) error {
	var fixed []string
	if c.Protocol != running.Protocol {
		fixed = append(fixed, "protocol")
	}
	if !slices.Equal(c.Listen, running.Listen) {
		fixed = append(fixed, "listen")
	}
	files := running.TLS
	files.Required = c.TLS.Required // which can change
	if c.TLS != files {
		fixed = append(fixed, "tls")
	}
	if len(fixed) > 0 {
		l.later("service %s: %s", c.Name, strings.Join(fixed, ", "))
		c.Protocol, c.Listen, c.TLS = running.Protocol, running.Listen, files
	}
	keys := differences(running.Service, c, nil)
	if len(keys) == 0 {
		return nil
	}
	next := l.gateway.sessions.reconfigured(running, c)
	if err := l.gateway.recorder.DeclareService(ctx, next.declared()); err != nil {
		return fmt.Errorf("declare service %s: %w", c.Name, err)
	}
	next.latest.Store(next)
	l.changed("service %s: %s", c.Name, strings.Join(keys, ", "))
	return nil
}

// differences returns the keys of the fields that differ.
func differences(old, new any, ignored []string) []string {
	var keys []string
	a, b := reflect.ValueOf(old), reflect.ValueOf(new)
	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		if !slices.Contains(ignored, name) && !reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			keys = append(keys, key(name))
		}
	}
	return keys
}

// key returns the name of a field as the configuration file has it.
func key(field string) string {
	var b strings.Builder
	lower := false
	for _, r := range field {
		if unicode.IsUpper(r) && lower {
			b.WriteByte('_')
		}
		lower = unicode.IsLower(r)
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
