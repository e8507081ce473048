// Package e2e drives the web page in a real browser (Debian's Chromium), against a real server
// with real traffic of MariaDB and PostgreSQL clients. make e2e runs it.
//
// It is a module of its own, so that the product's go.mod has nothing of the browser's
// protocol. It lies below cmd/gatebook because it uses servertest, which is internal there.
//
// Each tab notes errors of its console, exceptions, dialogs of the browser and requests to
// elsewhere; any of them fails the test. E2E_PICTURES names a folder for a picture of each tab
// whose test has failed.
package e2e
