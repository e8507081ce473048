package peers

import (
	"context"
	"encoding/binary"
	"net/url"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"

	"gatebook/storage/storagetest"
)

// etcdConns is how many connections the producers share: one is not enough for a
// thousand of them.
const etcdConns = 8

// etcd is a cluster of one member with its usual settings, which syncs its log before
// it acknowledges.
func etcd(b *testing.B) storagetest.Append {
	c := embed.NewConfig()
	c.Dir, c.LogLevel = b.TempDir(), "fatal"
	local := []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}}
	c.ListenClientUrls, c.AdvertiseClientUrls = local, local
	c.ListenPeerUrls, c.AdvertisePeerUrls = local, local
	c.InitialCluster = c.InitialClusterFromName(c.Name)
	c.QuotaBackendBytes = 8 << 30
	e, err := embed.StartEtcd(c)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(e.Close)
	select {
	case <-e.Server.ReadyNotify():
	case <-time.After(time.Minute):
		b.Fatal("etcd is not ready")
	}
	var clients [etcdConns]*clientv3.Client
	for i := range clients {
		if clients[i], err = clientv3.New(clientv3.Config{Endpoints: []string{e.Clients[0].Addr().String()}}); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := clients[i].Close(); err != nil {
				b.Error(err)
			}
		})
	}
	value := string(event())
	return func(producer int, n int64) error {
		var key [8]byte
		binary.BigEndian.PutUint64(key[:], uint64(n))
		_, err := clients[producer%etcdConns].Put(context.Background(), string(key[:]), value)
		return err
	}
}
