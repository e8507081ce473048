package config_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"gatebook/cmd/gatebook/gateway"
	"gatebook/cmd/gatebook/internal/config"
)

// TestGateway checks that the gateway gets what the file has.
func TestGateway(t *testing.T) {
	f, err := config.Parse(whole)
	if err != nil {
		t.Fatal(err)
	}
	c := f.Gateway()
	if !c.Servers[0].Drain || c.Record != gateway.RecordStrict {
		t.Errorf("got %+v", c)
	}
	s := c.Services[0]
	networks := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.1/32")}
	if s.MaxSessions != 500 || s.IdleTimeout != 8*time.Hour || !s.Compression || !slices.Equal(s.Probes, networks) {
		t.Errorf("got %+v", s)
	}
}
