// Command gatebook records the sessions of a database gateway, and answers questions about
// them.
//
// It is thin: it reads flags, environment and configuration file, wires the packages and
// stops them in order. Its standard output is for the person at the terminal; the log goes
// to standard error.
//
// # Order
//
// serve starts the registry, the API and the gateway in this order and stops them in the
// reverse one, within stopTimeout. Its goroutines are two that serve the API, one of them at
// the control socket, and one for upkeep; it waits for all before it closes the registry.
package main
