package web_test

import (
	"path"
	"regexp"
	"strings"
	"testing"

	"gatebook/httpd/web"
)

// files returns the files of the page.
func files(t *testing.T) map[string]web.Asset {
	t.Helper()
	all, err := web.Assets()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 20 {
		t.Fatalf("there are only %d files", len(all))
	}
	return all
}

// TestReferences follows each reference from file to file, and shows that the page has all
// modules fetched at once.
func TestReferences(t *testing.T) {
	t.Parallel()
	all := files(t)
	index := string(all[web.Index].Content)
	for _, found := range regexp.MustCompile(`(?:href|src)="([^"]*)"`).FindAllStringSubmatch(index, -1) {
		name, below := strings.CutPrefix(found[1], "web/")
		if _, ok := all[name]; !below || !ok {
			t.Errorf("index.html refers to %s", found[1])
		}
	}
	imports := regexp.MustCompile(`(?m)^import .* from "([^"]*)";|^} from "([^"]*)";`)
	for name, file := range all {
		if path.Ext(name) != ".js" {
			continue
		}
		for _, found := range imports.FindAllStringSubmatch(string(file.Content), -1) {
			other := path.Join(path.Dir(name), found[1]+found[2])
			if _, ok := all[other]; !ok {
				t.Errorf("%s imports %s, which is not there", name, other)
			}
			if !strings.Contains(index, `"web/`+other+`"`) {
				t.Errorf("index.html does not have %s fetched at once", other)
			}
		}
	}
}

// TestNothingForbidden looks for what the page's policy would refuse anyway, and for addresses
// that would not work below a path or would lead elsewhere.
func TestNothingForbidden(t *testing.T) {
	t.Parallel()
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|setAttribute\("style"|` +
		`(?:href|src|fetch\(|url\()\s*[=:(]?\s*["'(]?/[a-z]|https?://`)
	for name, file := range files(t) {
		text := strings.ReplaceAll(string(file.Content), "http://www.w3.org/2000/svg", "")
		if found := forbidden.FindString(text); found != "" {
			t.Errorf("%s has %s", name, found)
		}
	}
	index := string(files(t)[web.Index].Content)
	if found := regexp.MustCompile(`<style|<script>|<script [^>]*>[^<]|\son[a-z]+=|style=`).FindString(index); found != "" {
		t.Errorf("index.html has inline code: %s", found)
	}
}

// TestFilesAreShort counts the lines of modules, as the project does of its Go files.
func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for name, file := range files(t) {
		if n := strings.Count(string(file.Content), "\n"); path.Ext(name) == ".js" && n > 350 {
			t.Errorf("%s has %d lines: split it by role", name, n)
		}
	}
}
