package gatebook_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unplain are the patterns that once made the comments hard to read: a verb that hides the
// effect, and a sentence whose subject is a pronoun.
var unplain = []*regexp.Regexp{
	regexp.MustCompile(`\btells? whether\b`),
	regexp.MustCompile(`\b(is|are) told\b`),
	regexp.MustCompile(`\bhears? of\b`),
	regexp.MustCompile(`(?i)\bwhoever\b`),
	regexp.MustCompile(`(^|[.;] )(Who|What) (a|an|the|it|they|can|cannot|could|came|comes|did|does|has|have|is|was|were|may|will|needs) `),
}

// TestCommentsArePlain holds every comment outside tests to what CONTRIBUTING.md says of
// them, as far as a pattern can.
func TestCommentsArePlain(t *testing.T) {
	t.Parallel()
	for _, p := range listPackages(t) {
		for _, name := range p.GoFiles {
			path := filepath.Join(p.Dir, name)
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, path, nil, parser.ParseComments)
			if err != nil {
				t.Error(err)
				continue
			}
			for _, group := range file.Comments {
				text := strings.Join(strings.Fields(group.Text()), " ")
				for _, pattern := range unplain {
					if found := pattern.FindString(text); found != "" {
						t.Errorf("%s: %q: say it with the noun for a subject and the effect for a verb", set.Position(group.Pos()), strings.TrimSpace(found))
					}
				}
			}
			for _, complaint := range undocumented(file) {
				t.Errorf("%s: %s", path, complaint)
			}
		}
	}
}

// undocumented returns the exported functions and types whose comment does not begin with
// their name.
func undocumented(file *ast.File) []string {
	var all []string
	check := func(name *ast.Ident, doc *ast.CommentGroup) {
		text := doc.Text()
		if name.IsExported() && !strings.HasPrefix(text, name.Name+" ") && !strings.HasPrefix(text, "Deprecated:") {
			all = append(all, "the comment of "+name.Name+" does not begin with its name")
		}
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || exportedReceiver(d) {
				check(d.Name, d.Doc)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok {
					doc := s.Doc
					if doc == nil {
						doc = d.Doc
					}
					check(s.Name, doc)
				}
			}
		}
	}
	return all
}

// exportedReceiver reports whether a method is one of an exported type and not of an
// interface of the standard library.
func exportedReceiver(d *ast.FuncDecl) bool {
	receiver := d.Recv.List[0].Type
	if star, ok := receiver.(*ast.StarExpr); ok {
		receiver = star.X
	}
	if index, ok := receiver.(*ast.IndexExpr); ok {
		receiver = index.X
	}
	name, ok := receiver.(*ast.Ident)
	return ok && name.IsExported() && d.Name.Name != "Error" && d.Name.Name != "Unwrap"
}
