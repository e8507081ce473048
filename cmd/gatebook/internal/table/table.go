package table

import (
	"io"
	"slices"
	"strings"
)

// gap separates columns.
const gap = "  "

// Column describes a column.
type Column struct {
	Name  string
	Right bool // numbers end at the same column
	// Least is how narrow the column may become where the terminal is too narrow; 0 keeps it
	// whole.
	Least int
	// Drop is in which order columns are left out where the terminal is still too narrow: the
	// highest first; 0 keeps the column. One that can be left out is, on a terminal, when all
	// its cells are empty.
	Drop int
	// Wrap goes on in another line, at a blank, where a cell is too wide. It is for the last
	// column.
	Wrap bool
}

// Table is a table. The zero value has no columns.
type Table struct {
	Columns []Column
	Rows    [][]string
	// Style, if not nil, returns what comes before and after the text of a cell on a terminal,
	// such as a colour.
	Style func(row, column int) (before, after string)
}

// Add adds a row.
func (t *Table) Add(cells ...string) { t.Rows = append(t.Rows, cells) }

// Options says how a table is printed.
type Options struct {
	// Width is that of the terminal; 0 prints everything whole.
	Width int
	// Bidi isolates text that is written from right to left.
	Bidi bool
	// Style uses the table's style.
	Style bool
}

// Write prints the table with its header.
func (t *Table) Write(w io.Writer, o Options) error {
	cells := make([][]string, len(t.Rows))
	for i, row := range t.Rows {
		cells[i] = make([]string, len(row))
		for j, cell := range row {
			cells[i][j] = Escape(cell)
		}
	}
	widths := t.widths(cells, o.Width)
	var b strings.Builder
	header := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		header[i] = c.Name
	}
	t.line(&b, header, widths, o, -1)
	for i, row := range cells {
		for _, part := range t.wrapped(row, widths, o) {
			t.line(&b, part, widths, o, i)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// widths returns the width of each column, -1 for one that is left out.
func (t *Table) widths(cells [][]string, most int) []int {
	widths := make([]int, len(t.Columns))
	for i, c := range t.Columns {
		widths[i] = Width(c.Name)
		for _, row := range cells {
			widths[i] = max(widths[i], Width(row[i]))
		}
	}
	if most <= 0 {
		return widths
	}
	for i, c := range t.Columns {
		if c.Drop > 0 && len(cells) > 0 && !slices.ContainsFunc(cells, func(row []string) bool { return row[i] != "" }) {
			widths[i] = -1
		}
	}
	natural := slices.Clone(widths)
	for t.excess(widths, most) > 0 {
		if t.shrink(widths) {
			continue
		}
		if !t.drop(natural) {
			break
		}
		copy(widths, natural)
	}
	return widths
}

// excess returns by how many columns the table is wider than the terminal.
func (t *Table) excess(widths []int, most int) int {
	total := -len(gap)
	for _, w := range widths {
		if w >= 0 {
			total += w + len(gap)
		}
	}
	return total - most
}

// shrink makes the widest column that may be narrower one narrower, and reports whether there
// is one.
func (t *Table) shrink(widths []int) bool {
	widest := -1
	for i, c := range t.Columns {
		if c.Least > 0 && widths[i] > max(c.Least, Width(c.Name)) && (widest < 0 || widths[i] > widths[widest]) {
			widest = i
		}
	}
	if widest < 0 {
		return false
	}
	widths[widest]--
	return true
}

// drop leaves out the next column, and reports whether there is one.
func (t *Table) drop(widths []int) bool {
	next := -1
	for i, c := range t.Columns {
		if c.Drop > 0 && widths[i] >= 0 && (next < 0 || c.Drop > t.Columns[next].Drop) {
			next = i
		}
	}
	if next < 0 {
		return false
	}
	widths[next] = -1
	return true
}

// line prints a row; row -1 is the header.
func (t *Table) line(b *strings.Builder, cells []string, widths []int, o Options, row int) {
	last := len(widths) - 1
	for last >= 0 && widths[last] < 0 {
		last--
	}
	var line strings.Builder
	first := true
	for i, cell := range cells {
		if widths[i] < 0 {
			continue
		}
		if !first {
			line.WriteString(gap)
		}
		first = false
		if o.Width > 0 {
			cell = Cut(cell, widths[i])
		}
		padding := strings.Repeat(" ", widths[i]-min(Width(cell), widths[i]))
		if t.Columns[i].Right {
			line.WriteString(padding)
		}
		line.WriteString(t.styled(cell, o, row, i))
		if !t.Columns[i].Right && i != last {
			line.WriteString(padding)
		}
	}
	b.WriteString(strings.TrimRight(line.String(), " "))
	b.WriteByte('\n')
}

// wrapped returns the lines of a row.
func (t *Table) wrapped(row []string, widths []int, o Options) [][]string {
	last := len(row) - 1
	if o.Width <= 0 || !t.Columns[last].Wrap || widths[last] < 0 {
		return [][]string{row}
	}
	var rows [][]string
	for _, part := range wrap(row[last], widths[last]) {
		next := make([]string, len(row))
		if rows == nil {
			copy(next, row)
		}
		next[last] = part
		rows = append(rows, next)
	}
	return rows
}

// wrap returns a text in pieces of at most that many columns, cut at blanks. A word that is
// longer is a piece of its own.
func wrap(text string, columns int) []string {
	var pieces []string
	piece := ""
	for word := range strings.SplitSeq(text, " ") {
		switch {
		case piece == "":
			piece = word
		case Width(piece)+1+Width(word) <= columns:
			piece += " " + word
		default:
			pieces = append(pieces, piece)
			piece = word
		}
	}
	return append(pieces, piece)
}

// styled returns the text of a cell as it is printed.
func (t *Table) styled(cell string, o Options, row, column int) string {
	if o.Bidi {
		cell = Isolate(cell)
	}
	if o.Style && row >= 0 && t.Style != nil && cell != "" {
		before, after := t.Style(row, column)
		return before + cell + after
	}
	return cell
}

// Facts prints lines of a name and a text, the texts aligned.
func Facts(w io.Writer, o Options, pairs ...[2]string) error {
	pairs = slices.DeleteFunc(pairs, func(p [2]string) bool { return p[1] == "" })
	longest := 0
	for _, p := range pairs {
		longest = max(longest, Width(p[0]))
	}
	var b strings.Builder
	for _, p := range pairs {
		text := Escape(p[1])
		if o.Width > 0 {
			text = Cut(text, max(o.Width-longest-len(gap), 10))
		}
		if o.Bidi {
			text = Isolate(text)
		}
		b.WriteString(p[0] + strings.Repeat(" ", longest-Width(p[0])) + gap + text + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
