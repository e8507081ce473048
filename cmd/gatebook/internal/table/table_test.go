package table_test

import (
	"strings"
	"testing"

	"gatebook/cmd/gatebook/internal/table"
)

func TestWidth(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"": 0, "jdoe": 4, "Zoë": 3, "Zoe\u0308": 3, "山田太郎": 8, "ｊｄｏｅ": 8, "한국": 4, "שלום": 4, "مرحبا": 5,
		"👍": 2, "👍🏽": 2, "👩\u200d💻": 2, "🇩🇪": 2, "❤\ufe0f": 2, "a\u200bb": 2, "ไทย": 3, "हि": 2,
	} {
		if got := table.Width(text); got != want {
			t.Errorf("%q takes %d columns, want %d", text, got, want)
		}
	}
}

func TestEscape(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"jdoe": "jdoe", "a\x1b[2Jb": `a\x1b[2Jb`, "a\nb\tc\x7f": `a\x0ab\x09c\x7f`, "a\u0085\u009bb": `a\u0085\u009bb`,
		"a\u202eb\u2066c": `a\u202eb\u2066c`, "a\xffb": `a\xffb`, "a\u2028b": `a\u2028b`, "山\u0301": "山\u0301", "a\ufffdb": "a\ufffdb",
	} {
		if got := table.Escape(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
}

func TestCut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text    string
		columns int
		want    string
	}{
		{"jdoe", 4, "jdoe"},
		{"jdoe", 3, "jd…"},
		{"jdoe", 1, "…"},
		{"jdoe", 0, ""},
		{"山田太郎", 8, "山田太郎"},
		{"山田太郎", 7, "山田太…"},
		{"山田太郎", 6, "山田…"},
		{"e\u0308e\u0308e\u0308", 2, "e\u0308…"},
		{"👩\u200d💻👩\u200d💻", 3, "👩\u200d💻…"},
	} {
		if got := table.Cut(c.text, c.columns); got != c.want {
			t.Errorf("%q in %d columns is %q, want %q", c.text, c.columns, got, c.want)
		}
	}
}

// TestTable prints names of several scripts whole, in a terminal, and in one that is too
// narrow.
func TestTable(t *testing.T) {
	t.Parallel()
	made := table.Table{Columns: []table.Column{
		{Name: "ID", Right: true}, {Name: "USER", Least: 4}, {Name: "PROGRAM", Least: 6, Drop: 1}, {Name: "STATE"},
	}}
	made.Add("1", "jdoe", "checkout", "routing")
	made.Add("22", "山田太郎", "a\x1b[2J", "idle")
	made.Add("333", "שלום", "", "routing")
	for _, c := range []struct {
		options table.Options
		want    string
	}{
		{table.Options{}, `
 ID  USER      PROGRAM   STATE
  1  jdoe      checkout  routing
 22  山田太郎  a\x1b[2J  idle
333  שלום                routing
`},
		{table.Options{Width: 27, Bidi: true}, `
 ID  USER  PROGRAM  STATE
  1  jdoe  checko…  routing
 22  山…   a\x1b[…  idle
333  ` + "\u2068" + `שלום` + "\u2069" + `           routing
`},
		{table.Options{Width: 20}, `
 ID  USER    STATE
  1  jdoe    routing
 22  山田…   idle
333  שלום    routing
`},
	} {
		var b strings.Builder
		if err := made.Write(&b, c.options); err != nil {
			t.Fatal(err)
		}
		if got := "\n" + b.String(); got != c.want {
			t.Errorf("%+v: got%s\nwant%s", c.options, got, c.want)
		}
	}
}

func FuzzCut(f *testing.F) {
	for _, text := range []string{"jdoe", "山田太郎", "👩\u200d💻", "🇩🇪🇩", "\u200d", "e\u0308", "a\xff"} {
		f.Add(text, 3)
	}
	f.Fuzz(func(t *testing.T, text string, columns int) {
		shown := table.Escape(text)
		if got := table.Cut(shown, columns); table.Width(got) > max(columns, 0) {
			t.Errorf("%q in %d columns is %q", shown, columns, got)
		}
		if table.Escape(shown) != shown {
			t.Errorf("%q is escaped again", shown)
		}
	})
}
