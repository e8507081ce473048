package boltfile

import bolt "go.etcd.io/bbolt"

// Compact copies all that is in use into an empty file, in transactions of about so many bytes.
func (d *DB) Compact(to *bolt.DB, most int64) error {
	return d.Guard(func() error { return bolt.Compact(to, d.db, most) })
}
