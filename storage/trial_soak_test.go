//go:build soak

package storage_test

import (
	"maps"
	"slices"
	"testing"
)

// TestTrialLarge is TestTrial with 20,000 damages. It prints the table of docs/DURABILITY.md.
func TestTrialLarge(t *testing.T) {
	seen := runTrial(t, 2, 20_000)
	total := make(map[outcome]int)
	for _, kind := range slices.Sorted(maps.Keys(seen)) {
		t.Logf("| %s | %d | %d | %d | %d |", kind, seen[kind][refused], seen[kind][unread], seen[kind][harmless], seen[kind][wrong])
		for o, n := range seen[kind] {
			total[o] += n
		}
	}
	t.Logf("| all | %d | %d | %d | %d |", total[refused], total[unread], total[harmless], total[wrong])
}
