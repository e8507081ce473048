// Package web holds the files of the web page: standard HTML, CSS and ES modules, which the
// binary embeds and serves as they are.
//
// # Promises
//
// Nothing is built: what is in the folder is what a browser gets, so that go build of a fresh
// clone has the page. The files ask nothing of another host, have no inline code, and name each
// other and the API by relative references, so that the page works below any path. Its views
// are routes behind "#", which no path of the API can collide with. CONVENTIONS.md says how the
// files are written.
//
// # Ownership
//
// The content of an [Asset] is shared by all callers and is never changed.
package web
