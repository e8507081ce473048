package index

// DecodeNode decodes a node and returns the number of its entries or children.
func DecodeNode(b []byte, level int) (int, bool) {
	var n node
	if !n.decode(b, place{key: []byte("k"), level: level}) {
		return 0, false
	}
	return len(n.children) + len(n.entries), true
}
