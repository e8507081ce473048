package gatebook

import (
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"

	"gatebook/storage"
)

// DiskUse is what a data folder takes of its disk, in bytes. A figure that is not known is 0.
type DiskUse struct {
	// Log is the size of the log, Archive that of the archive.
	Log, Archive uint64
	// Free is how much of the disk is free for this process, Size how large the disk is.
	Free, Size uint64
}

// diskUse returns what a data folder takes now.
func diskUse(folder *storage.Folder) DiskUse {
	u := DiskUse{Log: sizeOf(folder.Log()), Archive: sizeOf(folder.Archive())}
	var disk unix.Statfs_t
	if err := unix.Statfs(folder.Path, &disk); err == nil {
		u.Free, u.Size = disk.Bavail*uint64(disk.Bsize), disk.Blocks*uint64(disk.Bsize)
	}
	return u
}

// sizeOf returns the size of a file, or of all files in a folder.
func sizeOf(path string) uint64 {
	var size uint64
	_ = filepath.WalkDir(path, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read counts for nothing
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			size += uint64(info.Size())
		}
		return nil
	})
	return size
}
