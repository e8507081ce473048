// Package accounts keeps the accounts that may use the API, and verifies their passwords and
// tokens.
//
// # Format
//
// Accounts are in the file "accounts" of the data folder (type [File]): one line of JSON with
// its format, its content, and the SHA-256 of the content. A password is kept as its bcrypt
// hash. A token is kept as its SHA-256, because it is random and needs nothing slower, with a
// name, a role and an end. A file of format 1, whose tokens have neither, is read too; the
// next change writes it in today's format.
//
// The file is replaced as a whole: written under another name, synced, renamed, and its
// folder synced. Only its owner can read it. A file that is damaged, or that others can
// read, is an error and never "no accounts". Without a file there are no accounts, unless
// "accounts.lock" says that there are some: it does from the first account to the removal of the
// last, and then the file is lost, which is an error too.
//
// # Order
//
// A program that changes the file holds "accounts.lock" meanwhile. The files stay those of
// the data folder's owner, also when root makes them: the owner's server has to read them.
//
// Each change is noted in the file, with its originator and its time, in the same
// replacement. The server records the notes in the log ([File.Record]) and deletes them then.
// If it dies in between, they are recorded twice, never not at all.
//
// # Verifying
//
// A [Gate] takes the same time whether a name is known or not, compares in constant time,
// and remembers a verified password for five minutes, by a hash whose key is this
// process's: such a login is never delayed. It counts failures by network and account
// together, and makes those wait that have too many. Logins of a network that fails with many
// accounts, and of an account that fails from many networks, are not refused: they take turns
// in a slow lane. An attacker therefore keeps nobody out but those that have the same account
// in the same network, and them not within five minutes of their last login. All that is
// remembered is bounded, and so is how many hashes are computed at a time.
//
// # Sign-ins
//
// A browser that is signed in shows a random secret instead of its password, for twelve hours
// at most. The file "accounts.signins" keeps the SHA-256 of each secret, so that sign-ins
// outlive the process and the file lets nobody in. A sign-in ends when its account is gone, or
// the password or the token that it was made by.
//
// # Tokens
//
// A token has the role of its account or less. It ends at its end, when it is revoked, with
// its account, and, unless the administrator decides otherwise, when the account gets another
// password. A token that has ended is refused with an error that says so: only its user has
// it. An account has at most 100 tokens.
//
// # Ownership
//
// A File is a value; its methods lock the file on disk. A Gate is safe for concurrent use,
// and reads the file again only when its owner calls [Gate.Reload].
package accounts
