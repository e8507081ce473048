// Package access decides which requests are answered: by their size, host and origin
// ([Guard]), their method ([OverrideMethod]), their account ([Login]) and its role
// ([Level]).
//
// # Promises
//
// The method that a client means is settled before anything is decided about the request.
// The guard comes before the login, so that a request for another host learns nothing about
// accounts. A [Level] whose zero value is forgotten is the narrowest one. A login is refused
// with the same text whether the name, the password or the token is wrong.
//
// While there are no accounts, only clients on this machine are answered, unless the server
// is insecure on purpose. A proxy on this machine makes every client look as if it were on
// it, so a request with a header of a proxy is refused then.
//
// # Ownership
//
// All values are safe for concurrent use and never change. Accounts change in the gate
// ([accounts.Gate]), which its owner reloads.
package access
