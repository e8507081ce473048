package config

import "reflect"

// NeedRestart names the keys of the API that differ from those of the file a server
// runs with, and that it cannot take over while it runs. What is the gateway's it
// says itself.
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
		{"tls", running.TLS, f.TLS},
	} {
		if !reflect.DeepEqual(k.was, k.are) {
			keys = append(keys, k.name)
		}
	}
	return keys
}
