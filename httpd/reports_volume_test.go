//go:build !soak

package httpd_test

// reportedSessions is how many the long run reports; with the tag soak it is 100,000.
const reportedSessions = 3_000
