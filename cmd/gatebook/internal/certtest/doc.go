// Package certtest makes certificate authorities and certificates for tests. They are new for
// each test, and valid for an hour and for the loopback address alone.
package certtest
