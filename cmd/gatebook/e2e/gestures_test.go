package e2e

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/chromedp/chromedp"
)

// drag moves the mouse over an element with its button down, from one place to another, in
// pixels from the element's left edge.
func (p *tab) drag(selector string, from, to float64) {
	p.t.Helper()
	box := value[struct{ Left, Top, Height float64 }](p, fmt.Sprintf(`(({ left, top, height }) => ({ Left: left, Top: top, Height: height }))(document.querySelector(%q).getBoundingClientRect())`, selector))
	y := box.Top + min(box.Height/2, 30)
	p.run(chromedp.DragAndDropXY(box.Left+from, y, box.Left+to, y))
}

// reload loads the page again.
func reload() step { return chromedp.Reload() }

func quote(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}

func itoa(n int) string { return strconv.Itoa(n) }
