package gatebook_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// module is the module's path, and the import path of its root package.
const module = "gatebook"

// gateway is the folder of the built-in source.
const gateway = "cmd/gatebook/gateway"

// layers are the folders of the module from top to bottom; the root package is
// the empty one. A package belongs to the deepest folder that holds it, and
// imports only packages of its own layer and of those below.
var layers = []string{
	"cmd/gatebook",
	gateway,
	gateway + "/login",
	gateway + "/record",
	gateway + "/ending",
	gateway + "/relay",
	gateway + "/panics",
	gateway + "/proxy",
	gateway + "/mysql",
	gateway + "/postgres",
	gateway + "/names",
	"httpd",
	"httpd/client",
	"httpd/follow",
	"httpd/telemetry",
	"httpd/params",
	"httpd/reports",
	"httpd/clients",
	"httpd/access",
	"httpd/control",
	"httpd/render",
	"httpd/accounts",
	"httpd/web",
	"",
	"internal/intake",
	"internal/query",
	"internal/journal",
	"internal/heads",
	"internal/lifecycle",
	"internal/calls",
	"internal/when",
	"internal/faults",
	"internal/build",
	"projection",
	"storage",
	"storage/index",
	"storage/sealed",
	"storage/treehead",
	"storage/tree",
	"storage/boltfile",
	"migrations",
	"events",
	"events/wire",
	"internal/regular",
	"internal/shell",
	"internal/owner",
}

// reserved names who alone may import a package, itself or one below it.
var reserved = map[string][]string{
	"github.com/gin-gonic/gin": {"httpd"},
	"go.etcd.io/bbolt":         {"storage", "storage/boltfile", "migrations"},
}

// forbidden names the packages that a layer's packages do not depend on, through others
// neither. The module's path is its root package alone. Packages regular and owner are for all.
var forbidden = map[string][]string{
	gateway + "/mysql":    {"net"},
	gateway + "/postgres": {"net"},
	"httpd/client":        {"github.com/gin-gonic/gin"},
	"httpd/telemetry":     {"github.com/gin-gonic/gin"},
	"httpd/follow":        {"github.com/gin-gonic/gin"},
	"httpd/params":        {"github.com/gin-gonic/gin"},
	"httpd/reports":       {"github.com/gin-gonic/gin"},
	"httpd/clients":       {"github.com/gin-gonic/gin"},
	"httpd/access":        {"github.com/gin-gonic/gin", module, module + "/internal", module + "/storage"},
	"httpd/render":        {"github.com/gin-gonic/gin", module, module + "/internal", module + "/storage"},
	"httpd/accounts":      {"github.com/gin-gonic/gin", "net/http", module, module + "/internal", module + "/storage"},
	"projection":          {"go.etcd.io/bbolt", "github.com/gin-gonic/gin", "net/http", module + "/storage"},
}

// testOnly is what only tests import, and packages for tests.
var testOnly = []string{
	"testing",
	"pgregory.net/rapid",
	"go.uber.org/goleak",
	"github.com/anishathalye/porcupine",
	module + "/internal/faults",
	"github.com/creack/pty",
	"github.com/go-sql-driver/mysql",
	"github.com/jackc/pgx/v5",
	"github.com/pb33f",
}

// goPackage is what go list tells about a package.
type goPackage struct {
	ImportPath, Dir string
	GoFiles         []string
	// Imports are those of GoFiles; Deps are theirs, and so on.
	Imports, Deps []string
}

// layer returns the index of a package's layer; false when it has none, or is
// not of this module.
func layer(importPath string) (int, bool) {
	if importPath == module {
		return slices.Index(layers, ""), true
	}
	folder, ok := strings.CutPrefix(importPath, module+"/")
	best := -1
	for i, l := range layers {
		if ok && l != "" && within(folder, l) && (best < 0 || len(l) > len(layers[best])) {
			best = i
		}
	}
	return best, best >= 0
}

// within reports whether a package path is root or below it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

// dependencyFault returns why a layer's package may not depend on another, through others
// neither; "" when it may.
func dependencyFault(own int, dependency string) string {
	if dependency == module+"/internal/regular" || dependency == module+"/internal/owner" {
		return ""
	}
	for _, root := range forbidden[layers[own]] {
		if dependency == root || root != module && within(dependency, root) {
			return layers[own] + " does without"
		}
	}
	return ""
}

func TestImportsGoDownward(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		for _, complaint := range complaints(p) {
			t.Error(complaint)
		}
	}
}

// complaints returns what is wrong with a package's imports.
func complaints(p goPackage) []string {
	own, ok := layer(p.ImportPath)
	if !ok {
		return []string{fmt.Sprintf("%s: its folder is in no layer: add it to the list, or move it", p.ImportPath)}
	}
	var all []string
	for _, imported := range p.Imports {
		why := refuse(own, imported)
		if why == "" && !forTests(p.ImportPath) && isTestOnly(imported) {
			why = "that is for tests"
		}
		if why != "" {
			all = append(all, fmt.Sprintf("%s imports %s: %s", p.ImportPath, imported, why))
		}
	}
	for _, dependency := range p.Deps {
		if why := dependencyFault(own, dependency); why != "" {
			all = append(all, fmt.Sprintf("%s depends on %s: %s", p.ImportPath, dependency, why))
		}
	}
	return all
}

// forTests tells whether a package exists for tests alone, as its name says.
func forTests(importPath string) bool { return strings.HasSuffix(importPath, "test") }

// isTestOnly tells whether only tests, and packages for tests, may import it.
func isTestOnly(imported string) bool {
	if within(imported, module) && forTests(imported) {
		return true
	}
	return slices.ContainsFunc(testOnly, func(root string) bool { return within(imported, root) })
}

// refuse tells why a package of a layer may not import another; empty when it
// may.
func refuse(own int, imported string) string {
	for root, who := range reserved {
		if within(imported, root) && !slices.Contains(who, layers[own]) {
			return "only " + strings.Join(who, " and ") + " may"
		}
	}
	other, ok := layer(imported)
	switch {
	case !ok && strings.HasPrefix(layers[own], "events") && !standard(imported):
		return "events imports the standard library alone"
	case !ok || other == own:
		return ""
	case other < own:
		return "imports go downward only"
	case within(layers[own], gateway) && !within(layers[other], gateway) && layers[other] != "" && !within(layers[other], "events"):
		return "the gateway uses what the root package and events export"
	}
	return ""
}

// standard tells whether an import path is the standard library's: its first
// element has no dot.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".") && first != module
}

// TestForbidden checks the rules on made-up dependencies, which may be of dependencies.
func TestForbidden(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		importer, dependency string
		forbidden            bool
	}{
		{"gatebook/httpd/render", "gatebook", true},
		{"gatebook/httpd/render", "gatebook/internal/query", true},
		{"gatebook/httpd/accounts", "gatebook/internal/when", true},
		{"gatebook/httpd/accounts", "gatebook/internal/regular", false},
		{"gatebook/httpd/render", "gatebook/storage", true},
		{"gatebook/httpd/render", "gatebook/projection", false},
		{"gatebook/httpd/render", "gatebook/events", false},
		{"gatebook/httpd/access", "gatebook", true},
		{"gatebook/httpd/clients", "gatebook", false},
		{"gatebook/httpd/clients", "github.com/gin-gonic/gin", true},
		{"gatebook/httpd/telemetry", "github.com/gin-gonic/gin/render", true},
		{"gatebook/httpd", "github.com/gin-gonic/gin", false},
		{"gatebook/projection", "net/http", true},
	} {
		own, _ := layer(c.importer)
		if why := dependencyFault(own, c.dependency); (why != "") != c.forbidden {
			t.Errorf("%s depends on %s: got %q, want forbidden: %v", c.importer, c.dependency, why, c.forbidden)
		}
	}
}

// TestRefuse checks the rules on made-up imports, so that they are known to
// bite.
func TestRefuse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		importer, imported string
		refused            bool
	}{
		{"gatebook", "gatebook/projection", false},
		{"gatebook", "gatebook/storage/bolt", false},
		{"gatebook", "gatebook/httpd", true},
		{"gatebook", "go.etcd.io/bbolt", true},
		{"gatebook/cmd/gatebook", "gatebook/cmd/gatebook/gateway", false},
		{"gatebook/cmd/gatebook", "gatebook", false},
		{"gatebook/cmd/gatebook", "github.com/gin-gonic/gin", true},
		{"gatebook/cmd/gatebook/gateway", "gatebook", false},
		{"gatebook/cmd/gatebook/gateway", "gatebook/events", false},
		{"gatebook/cmd/gatebook/gateway", "gatebook/cmd/gatebook/gateway/mysql", false},
		{"gatebook/cmd/gatebook/gateway", "gatebook/projection", true},
		{"gatebook/cmd/gatebook/gateway", "gatebook/httpd", true},
		{"gatebook/cmd/gatebook/gateway/mysql", "gatebook/cmd/gatebook", true},
		{"gatebook/cmd/gatebook/gateway/record", "gatebook", false},
		{"gatebook/cmd/gatebook/gateway/record", "gatebook/cmd/gatebook/gateway/panics", false},
		{"gatebook/cmd/gatebook/gateway/record", "gatebook/cmd/gatebook/gateway", true},
		{"gatebook/cmd/gatebook/gateway/record", "gatebook/storage", true},
		{"gatebook/cmd/gatebook/gateway/relay", "gatebook/cmd/gatebook/gateway/record", true},
		{"gatebook/cmd/gatebook/gateway/login", "gatebook/cmd/gatebook/gateway/mysql", false},
		{"gatebook/cmd/gatebook/gateway/login", "gatebook/cmd/gatebook/gateway", true},
		{"gatebook/cmd/gatebook/gateway/record", "gatebook/cmd/gatebook/gateway/login", true},
		{"gatebook/httpd", "github.com/gin-gonic/gin/binding", false},
		{"gatebook/httpd/render", "github.com/gin-gonic/gin", true},
		{"gatebook/httpd/follow", "github.com/gin-gonic/gin", true},
		{"gatebook/httpd", "gatebook/httpd/follow", false},
		{"gatebook/httpd/follow", "gatebook/httpd/reports", false},
		{"gatebook/httpd/reports", "gatebook/httpd/render", false},
		{"gatebook/httpd/render", "gatebook/httpd/reports", true},
		{"gatebook/httpd/access", "gatebook/httpd/clients", true},
		{"gatebook/httpd/clients", "gatebook", false},
		{"gatebook/httpd/clients", "gatebook/httpd", true},
		{"gatebook", "gatebook/httpd/render", true},
		{"gatebook/httpd", "gatebook/cmd/gatebook/gateway", true},
		{"gatebook/projection", "gatebook/events", false},
		{"gatebook/projection", "gatebook", true},
		{"gatebook/storage/bolt", "gatebook/storage", false},
		{"gatebook/storage", "go.etcd.io/bbolt/errors", false},
		{"gatebook/storage", "gatebook/storage/index", false},
		{"gatebook/storage", "gatebook/storage/sealed", false},
		{"gatebook/storage/sealed", "gatebook/storage", true},
		{"gatebook/storage/sealed", "go.etcd.io/bbolt", true},
		{"gatebook/storage/index", "gatebook/storage", true},
		{"gatebook/storage/index", "go.etcd.io/bbolt", true},
		{"gatebook/migrations", "gatebook/storage", true},
		{"gatebook/events", "gatebook/events/wire", false},
		{"gatebook/events", "encoding/binary", false},
		{"gatebook/events", "golang.org/x/text/unicode/norm", true},
		{"gatebook/events/wire", "gatebook/events", true},
	} {
		own, ok := layer(c.importer)
		if !ok {
			t.Errorf("%s is in no layer", c.importer)
			continue
		}
		if why := refuse(own, c.imported); (why != "") != c.refused {
			t.Errorf("%s imports %s: got %q, want refused: %v", c.importer, c.imported, why, c.refused)
		}
	}
	if _, ok := layer("gatebook/stray"); ok {
		t.Error("a folder that is in no layer was given one")
	}
}

// listPackages asks go list for all packages of the module, those too that do
// not compile at the moment.
func listPackages(t *testing.T) []goPackage {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Dir,GoFiles,Imports,Deps", "./...")
	output, err := list.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []goPackage
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p goPackage
		err := decoder.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("read the answer of go list: %v", err)
		}
		all = append(all, p)
	}
}
