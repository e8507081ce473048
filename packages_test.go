package gatebook_test

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// longestFile is how many lines a file may have before it has to be split.
const longestFile = 450

// TestEveryPackageHasDocumentation holds each package to a doc.go that says what
// it promises: the first thing a reader of its folder opens.
func TestEveryPackageHasDocumentation(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		if len(p.GoFiles) == 0 {
			continue
		}
		if !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s: doc.go is missing", p.ImportPath)
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, "doc.go"), nil, parser.ParseComments)
		if err != nil {
			t.Errorf("%s: %v", p.ImportPath, err)
			continue
		}
		if len(strings.Fields(file.Doc.Text())) < 5 {
			t.Errorf("%s: doc.go does not say what the package is for", p.ImportPath)
		}
	}
}

// TestFilesAreShort counts the lines of all files but the tests'.
func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		for _, name := range p.GoFiles {
			content, err := os.ReadFile(filepath.Join(p.Dir, name))
			if err != nil {
				t.Error(err)
				continue
			}
			if lines := strings.Count(string(content), "\n"); lines > longestFile {
				t.Errorf("%s/%s has %d lines, more than %d: split it by role", p.ImportPath, name, lines, longestFile)
			}
		}
	}
}
