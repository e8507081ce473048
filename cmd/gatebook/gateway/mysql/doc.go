// Package mysql reads the part of the MySQL and MariaDB client protocol that a
// login consists of, and follows what a client sends after it.
//
// # What it knows
//
// A packet is a payload of up to 16 MiB behind a header of four bytes: the
// payload's length, little-endian in three bytes, and a sequence number. The
// server speaks first ([ParseGreeting]); the client answers with its name, its
// database and its attributes ([ParseLogin]); then packets of an authentication
// plugin go either way until the server sends OK or ERR ([ReplyOf]). Within this
// exchange the sequence number rises by one with every packet; a command starts
// again at 0, which sets the two apart.
//
// # Promises
//
// Every function is pure. Whatever bytes it is given, it returns an error or a value,
// never panics, and allocates no more than its input is long. Texts are copied out of the
// input. No text is checked for being UTF-8 here: the recorder does that.
//
// A [Follower] and a [Frames] keep what they have followed. Each belongs to the one
// goroutine that reads its side. Where packets are compressed an [Inflater] comes before each.
package mysql
