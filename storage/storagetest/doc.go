// Package storagetest is the contract of [storage.Log] as tests: every engine passes
// [Run].
//
// After each test the whole log is checked: the records that were delivered, those that
// Read returns and those that a later Start replays are one sequence. It has no gaps,
// its recorded time never decreases, and it contains every acknowledged record.
package storagetest
