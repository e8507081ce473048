// Package certtest makes certificate authorities and certificates for tests. They
// are new in each run and trusted by nobody but who is told to.
package certtest
