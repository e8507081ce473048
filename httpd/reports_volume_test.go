//go:build !soak

package httpd_test

// reportedSessions is how many sessions TestManyReports reports; 100,000 with the tag soak.
const reportedSessions = 3_000
