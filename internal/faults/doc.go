// Package faults is for tests: it computes which files a loss of power may leave behind.
//
// A program runs under strace, which writes down the system calls that change files.
// [ReadTrace] reads that list, and a [Disk] follows it call by call. At any of its steps
// [Disk.Crash] writes files as a disk may hold them if the power is lost then: all that was
// synced, and at random some of what was not.
//
// The model promises no more than POSIX does. Content is durable after fsync or fdatasync of
// its file, and a name after fsync of its folder. Of the rest any part may be missing: writes
// are torn at 512 bytes, and arrive in any order; a rename is whole or not there.
package faults
