package httpd_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"gatebook/httpd"
)

func TestContractIsOpenAPI(t *testing.T) {
	t.Parallel()
	document, err := libopenapi.NewDocument(httpd.Contract())
	check(t, err)
	v, errs := validator.NewValidator(document)
	for _, err := range errs {
		t.Fatal(err)
	}
	valid, complaints := v.ValidateDocument()
	for _, complaint := range complaints {
		t.Error(complaint)
	}
	if !valid && len(complaints) == 0 {
		t.Error("it is not valid")
	}
}

// TestContractHasTheRoutes compares the routes that are served with those that are described.
func TestContractHasTheRoutes(t *testing.T) {
	t.Parallel()
	c := theContract(t)
	server, err := httpd.New(httpd.Config{Registry: openBook(t, newClock())})
	check(t, err)
	parameter := regexp.MustCompile(`:(\w+)`)
	served := make(map[string]bool)
	for path, methods := range server.Routes() {
		path = parameter.ReplaceAllString(path, "{$1}")
		served[path] = true
		slices.Sort(methods)
		if described := c.operations(c.pathOf(path)); !slices.Equal(methods, described) {
			t.Errorf("%s: served are %v, described %v", path, methods, described)
		}
	}
	for path := range c.model.Paths.PathItems.FromOldest() {
		if !served[path] {
			t.Errorf("%s is described, and not served", path)
		}
	}
}

// TestContractHasTheParameters gives every operation a parameter that it does not know, and
// compares the known ones in its answer with those that are described.
func TestContractHasTheParameters(t *testing.T) {
	t.Parallel()
	c := theContract(t)
	base := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock())})
	asker := client(t)
	known := regexp.MustCompile(`Known are: (.*)\."`)
	for path, item := range c.model.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			target := base + strings.NewReplacer("{id}", "1", "{name}", "x").Replace(path)
			got := ask(t, asker, strings.ToUpper(method), target+"?unheard-of=1")
			found := known.FindStringSubmatch(got.body)
			none := strings.Contains(got.body, "None is.")
			if none && len(inQuery(item, operation)) == 0 {
				continue
			}
			if found == nil {
				t.Errorf("%s %s: got %s", method, path, got.body)
				continue
			}
			takes := strings.Split(found[1], ", ")
			slices.Sort(takes)
			if described := inQuery(item, operation); !slices.Equal(takes, described) {
				t.Errorf("%s %s: taken are %v, described %v", method, path, takes, described)
			}
		}
	}
}

// inQuery returns the names of an operation's parameters in the query, in order.
func inQuery(item *v3.PathItem, operation *v3.Operation) []string {
	var all []string
	for _, p := range slices.Concat(item.Parameters, operation.Parameters) {
		if p.In == "query" {
			all = append(all, p.Name)
		}
	}
	slices.Sort(all)
	return all
}

func TestContractIsServed(t *testing.T) {
	t.Parallel()
	base := "http://" + serve(t, httpd.Config{Registry: openBook(t, newClock())})
	got := ask(t, client(t), "GET", base+"/openapi.yaml")
	if got.body != string(httpd.Contract()) || got.header.Get("Content-Type") != "application/yaml" {
		t.Errorf("got %v", got.header)
	}
	if got := ask(t, client(t), "GET", base+"/openapi.yaml", "Accept: application/json"); got.status != 406 {
		t.Errorf("as JSON: got %d", got.status)
	}
}

// TestContractHasTheMembers asks every operation that takes fields for a member that it does
// not have, and compares the known ones in its answer with those of its schema.
func TestContractHasTheMembers(t *testing.T) {
	t.Parallel()
	c := theContract(t)
	address := "http://" + serve(t, httpd.Config{Registry: fillBook(t, newClock())})
	asker := client(t)
	known := regexp.MustCompile(`Known are: (.*), \*\."`)
	compared := 0
	for path, item := range c.model.Paths.PathItems.FromOldest() {
		if item.Get == nil || !slices.Contains(inQuery(item, item.Get), "fields") {
			continue
		}
		compared++
		name := map[string]string{"/services/{name}": "my-service", "/servers/{name}": "db-serv-01", "/sources/{name}": "edge-1"}[path]
		got := ask(t, asker, "GET", address+strings.NewReplacer("{id}", "2", "{name}", name).Replace(path)+"?fields=unheard-of")
		found := known.FindStringSubmatch(got.body)
		if found == nil {
			t.Errorf("%s: got %s", path, got.body)
			continue
		}
		media, _ := item.Get.Responses.Codes.GetOrZero("200").Content.Get("application/json")
		schema := media.Schema.Schema()
		if schema.Items != nil {
			schema = schema.Items.A.Schema()
		}
		if described := strings.Join(membersOf(schema, ""), ", "); described != found[1] {
			t.Errorf("%s: shown are\n%s\ndescribed\n%s", path, found[1], described)
		}
	}
	if compared < 9 {
		t.Errorf("only %d operations take fields", compared)
	}
}

// membersOf returns the names of a schema's properties in their order, each followed by those
// of its own properties.
func membersOf(schema *base.Schema, prefix string) []string {
	var all []string
	for name, property := range schema.Properties.FromOldest() {
		all = append(all, prefix+name)
		if inner := property.Schema(); inner.Properties != nil {
			all = append(all, membersOf(inner, prefix+name+".")...)
		}
	}
	return all
}
