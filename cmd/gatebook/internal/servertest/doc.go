// Package servertest starts real MariaDB and PostgreSQL servers, and runs their
// own command-line clients, for the tests of the gateway and of the binary.
//
// # What is promised
//
// A [Server] is a child process with a folder and a loopback port of its own. It
// answers when the function that started it returns. It has an empty database
// named by [Database] and one administrator, whose password is random, so that
// a test which reaches the wrong server by accident is refused instead of being
// misled. The output that was committed survives a [Server.Stop]; it is not synced, so it
// would not survive a loss of power.
//
// # Ownership
//
// The StartXxx forms stop the server when their test ends. The NewXxx forms are
// for TestMain and for servers that several tests share: the caller calls
// [Server.Close]. Either way the server dies with the process that started it,
// however that ends; its folder stays behind when that process was killed.
//
// # What must be installed
//
// mariadbd, mariadb-install-db and mariadb; initdb, postgres and psql. A missing
// program is an error that names it: .ci/install-servers, which make test calls,
// installs them. Root may run these tests: PostgreSQL refuses to run as root,
// so it is started as the user "postgres" or "nobody".
package servertest
