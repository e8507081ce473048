package config

import "reflect"

// NeedRestart returns the keys of the API that differ from the file that a server runs
// with, and that it cannot take over while it runs. The gateway's own keys are not among
// them: [gateway.Gateway.Reload] returns those.
func (f *File) NeedRestart(running *File) []string {
	var keys []string
	for _, k := range []struct {
		name     string
		was, are any
	}{
		{"data", running.Data, f.Data},
		{"listen", running.Listen, f.Listen},
		{"record_admin", running.RecordAdmin, f.RecordAdmin},
		{"access_log", running.AccessLog, f.AccessLog},
		{"hosts", running.Hosts, f.Hosts},
		{"base_path", running.Base(), f.Base()},
		{"shutdown_grace", running.ShutdownGrace, f.ShutdownGrace},
		{"tls", running.TLS, f.TLS},
		{"log", running.Log, f.Log},
		{"anchor", running.Anchor, f.Anchor},
	} {
		if !reflect.DeepEqual(k.was, k.are) {
			keys = append(keys, k.name)
		}
	}
	return keys
}
