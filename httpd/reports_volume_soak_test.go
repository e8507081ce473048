//go:build soak

package httpd_test

const reportedSessions = 100_000
