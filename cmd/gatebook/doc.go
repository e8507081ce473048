// Command gatebook records the sessions of a database gateway, and answers questions about
// them.
//
// It is thin: it reads flags, environment and configuration file, wires the packages and
// stops them in order. Its standard output is for the person at the terminal; the log goes
// to standard error. The client commands ask a server through package client: at the control
// socket of the data folder, or at an address.
//
// # Order
//
// serve listens before it touches the data folder, and answers while the registry opens
// (startup). It starts the registry, the API with the control socket, and the gateway in this
// order and stops them in the reverse one, within stopTimeout; before that shutdown_grace may
// let sessions end by themselves (drain). Its goroutines are one for each listener of the API
// and one for upkeep; it waits for all before it closes the registry.
package main
