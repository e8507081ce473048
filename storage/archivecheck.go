package storage

// Check reads about that many rows of the archive, from a key on, and checks them
// and all nodes on the way to them. It returns the key to go on from, nil at the end, and how
// many bytes were read. Damage is the end of the file, as wherever it is noticed. Errors:
// [ErrRebuilding], and bbolt's.
func (a *Archive) Check(from []byte, rows int) (next []byte, bytes int64, err error) {
	s, err := a.Snapshot()
	if err != nil {
		return nil, 0, err
	}
	err = s.read(func() error {
		return s.tree.Scan(from, func(key, value []byte) (bool, error) {
			if rows--; rows < 0 {
				next = append(next, key...)
				return false, nil
			}
			bytes += int64(len(key) + len(value))
			return true, nil
		})
	})
	if closed := s.Close(); err == nil {
		err = closed
	}
	return next, bytes, err
}
