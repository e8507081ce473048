package render

import "github.com/agnivade/levenshtein"

// Nearest returns the known name that is most like the given one, "" when none is alike.
func Nearest(name string, known []string) string {
	best, distance := "", len(name)/2+1
	for _, candidate := range known {
		if d := levenshtein.ComputeDistance(name, candidate); d < distance {
			best, distance = candidate, d
		}
	}
	return best
}
