// Package certtest makes certificate authorities and certificates for tests: fresh
// ones for each, good for an hour and for the loopback address alone.
package certtest
