// Package storagetest is the contract of [storage.Log] as tests: every engine
// passes [Run].
//
// After each of its tests the whole log is checked: what was delivered, what Read
// returns and what a later Start replays are one and the same sequence, without
// gaps, whose recorded time never decreases, and it holds what was acknowledged.
package storagetest
