// Package control is the socket by which programs on the same machine reach a server without
// an account: a Unix socket in the data folder.
//
// # Promises
//
// Only the owner of the data folder and root are answered. The socket's mode keeps other
// users from connecting, and the system's word on the user at the other end (SO_PEERCRED) is
// compared for each connection. The socket is in place only while its server has the data
// folder locked, so one that an earlier process has left behind is replaced.
// One at which a process listens is not: the folder is in use then, whatever its lock says.
//
// A data folder may have a longer path than the address of a socket.
//
// # Ownership
//
// The caller of [Listen] holds the lock of the data folder, and closes the listener, which
// removes the socket. A [Peer] never changes.
package control
