// Package names turns names that came from a client, of users and databases for example, into text
// that can be recorded. A name is a row of bytes in whatever encoding the client and the server
// agree on. Two rows of bytes that differ never become one text.
package names
