package sealed_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"gatebook/storage/sealed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory keeps nodes in a map.
type memory map[uint64][]byte

func (m memory) Node(number uint64) []byte { return m[number] }

func (m memory) Put(number uint64, b []byte) error { m[number] = b; return nil }

func (m memory) Delete(number uint64) error { delete(m, number); return nil }

// rows returns all rows from a key on.
func rows(nodes memory, root sealed.Root, from string) (keys []string, values map[string]string, err error) {
	values = make(map[string]string)
	err = sealed.Open(nodes, root.Ref).Scan([]byte(from), func(key, value []byte) (bool, error) {
		keys = append(keys, string(key))
		values[string(key)] = string(value)
		return true, nil
	})
	return keys, values, err
}

// drawKey draws a key: of many that ascend, of few, or a long one.
func drawKey(t *rapid.T) string {
	return rapid.OneOf(
		rapid.Custom(func(t *rapid.T) string { return fmt.Sprintf("id%06d", rapid.IntRange(0, 5000).Draw(t, "id")) }),
		rapid.StringMatching("[a-c]{0,3}"), rapid.Just(strings.Repeat("k", 3000)),
	).Draw(t, "key")
}

// drawChanges draws changes, and makes them in a map as well.
func drawChanges(t *rapid.T, want map[string]string) []sealed.Change {
	changed := make(map[string][]byte)
	if rapid.Bool().Draw(t, "many") {
		first := rapid.IntRange(0, 5000).Draw(t, "first")
		for i := range rapid.IntRange(1, 600).Draw(t, "number") {
			changed[fmt.Sprintf("id%06d", first+i)] = []byte(strings.Repeat("v", i%90))
		}
		if rapid.IntRange(0, 3).Draw(t, "delete them") == 0 {
			for key := range changed {
				changed[key] = nil
			}
		}
	}
	for range rapid.IntRange(1, 8).Draw(t, "changes") {
		key := drawKey(t)
		changed[key] = nil
		if rapid.IntRange(0, 2).Draw(t, "delete") > 0 {
			changed[key] = bytes.Repeat([]byte("x"), rapid.SampledFrom([]int{0, 1, 100, 1300, 5000, 70_000}).Draw(t, "size"))
		}
	}
	var changes []sealed.Change
	for _, key := range slices.Sorted(maps.Keys(changed)) {
		changes = append(changes, sealed.Change{Key: []byte(key), Value: changed[key]})
		if want[key] = string(changed[key]); changed[key] == nil {
			delete(want, key)
		}
	}
	return changes
}

// TestTreeEqualsMap changes a tree and a map, and reads both.
func TestTreeEqualsMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		nodes, root, want := memory{}, sealed.Root{}, map[string]string{}
		for range rapid.IntRange(1, 12).Draw(t, "commits") {
			var err error
			if root, err = sealed.Apply(nodes, root, drawChanges(t, want)); err != nil {
				t.Fatal(err)
			}
			keys, values, err := rows(nodes, root, "")
			if err != nil || !slices.IsSorted(keys) || !maps.Equal(values, want) {
				t.Fatalf("got %d rows, want %d; error %v", len(values), len(want), err)
			}
			key := drawKey(t)
			value, found, err := sealed.Open(nodes, root.Ref).Get([]byte(key))
			if w, has := want[key]; err != nil || found != has || string(value) != w {
				t.Fatalf("%q: got %q %v, want %q %v, error %v", key, value, found, w, has, err)
			}
			keys, _, err = rows(nodes, root, key)
			if at, _ := slices.BinarySearch(slices.Sorted(maps.Keys(want)), key); err != nil || len(keys) != len(want)-at {
				t.Fatalf("from %q: %d rows, want %d, error %v", key, len(keys), len(want)-at, err)
			}
		}
		if len(want) == 0 && len(nodes) > 0 {
			t.Errorf("%d nodes are left of an empty tree", len(nodes))
		}
	})
}

// TestDamageIsNoticed damages each node in many ways. Reading all rows fails, and reading or
// changing one fails or is right.
func TestDamageIsNoticed(t *testing.T) {
	t.Parallel()
	nodes, root := memory{}, sealed.Root{}
	var before memory
	for commit := range 3 {
		before = maps.Clone(nodes)
		var changes []sealed.Change
		for i := range 400 {
			changes = append(changes, sealed.Change{Key: fmt.Appendf(nil, "k%04d", i*3+commit), Value: fmt.Appendf(nil, "value %d of commit %d", i, commit)})
		}
		var err error
		if root, err = sealed.Apply(nodes, root, changes); err != nil {
			t.Fatal(err)
		}
	}
	_, want, err := rows(nodes, root, "")
	if err != nil || len(want) != 1200 {
		t.Fatalf("%d rows, error %v", len(want), err)
	}
	numbers := slices.Sorted(maps.Keys(nodes))
	for i, number := range numbers {
		other := numbers[(i+1)%len(numbers)]
		for name, damage := range map[string]func(b []byte) []byte{
			"a flipped bit": func(b []byte) []byte { b = bytes.Clone(b); b[len(b)*i/len(numbers)] ^= 1 << (i % 8); return b },
			"missing":       func([]byte) []byte { return nil },
			"zeroed":        func(b []byte) []byte { return make([]byte, len(b)) },
			"cut":           func(b []byte) []byte { return b[:len(b)/2] },
			"another":       func([]byte) []byte { return nodes[other] },
			"stale":         func(b []byte) []byte { return before[number] },
		} {
			damaged := maps.Clone(nodes)
			if damaged[number] = damage(nodes[number]); damaged[number] == nil {
				delete(damaged, number)
			}
			if bytes.Equal(damaged[number], nodes[number]) {
				continue
			}
			var noticed *sealed.DamagedError
			if _, _, err := rows(damaged, root, ""); !errors.As(err, &noticed) {
				t.Errorf("node %d, %s: error %v", number, name, err)
			}
			for key, value := range want {
				got, found, err := sealed.Open(damaged, root.Ref).Get([]byte(key))
				if err == nil && (!found || string(got) != value) {
					t.Fatalf("node %d, %s: %q is %q, want %q", number, name, key, got, value)
				}
			}
			if _, found, err := sealed.Open(damaged, root.Ref).Get([]byte("k0500x")); err == nil && found {
				t.Errorf("node %d, %s: there is a row that never was", number, name)
			}
		}
	}
}
