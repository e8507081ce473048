package faults

import (
	"fmt"
	"maps"
	"path/filepath"
	"strconv"
	"strings"
)

// Disk follows a traced program's changes to the files below one folder.
type Disk struct {
	root   *node
	folder string
	// open are the program's descriptors of what lies below the folder.
	open map[string]*descriptor
	// syncing has, by thread, how much was written when its fsync began.
	syncing map[int]int
	// changes counts changes of names: each has a number, and those of one rename have the same.
	changes int
	// synced are the numbers of those that are durable.
	synced map[int]bool
}

// node is a file or a folder.
type node struct {
	file *file
	// entries are a folder's names as they are, durable those that a crash leaves at least,
	// pending how they became different since.
	entries, durable map[string]*node
	pending          []naming
}

// naming is one change of a folder's names: name stands for to from now on; nil removes it.
type naming struct {
	change int
	name   string
	to     *node
}

// file is the content of a file: what is durable, and the writes since.
type file struct {
	durable []byte
	pending []write
	size    int64
}

// write is one write to a file, or with nil data its truncation to offset bytes.
type write struct {
	offset int64
	data   []byte
}

// descriptor is an open file.
type descriptor struct {
	node   *node
	offset int64
	append bool
}

func newFolder() *node {
	return &node{entries: make(map[string]*node), durable: make(map[string]*node)}
}

// NewDisk returns the disk of a program that works in a folder, which is empty and durable.
func NewDisk(folder string) *Disk {
	return &Disk{
		root: newFolder(), folder: filepath.Clean(folder),
		open: make(map[string]*descriptor), syncing: make(map[int]int), synced: make(map[int]bool),
	}
}

// NextProcess forgets the descriptors of a program that has ended: what follows is the trace of
// another one.
func (d *Disk) NextProcess() {
	clear(d.open)
	clear(d.syncing)
}

// Follow applies a step. It returns an error for a call that it has no model of.
func (d *Disk) Follow(s *Step) error {
	if err := d.follow(s); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}

func (d *Disk) follow(s *Step) error {
	if !s.Ended {
		if s.Name == "fsync" || s.Name == "fdatasync" {
			d.beginSync(s)
		}
		return nil
	}
	if s.Result < 0 {
		return nil
	}
	switch s.Name {
	case "openat":
		return d.openFile(s)
	case "close":
		delete(d.open, s.Args[0])
	case "write", "pwrite64":
		return d.write(s)
	case "copy_file_range":
		return d.copy(s)
	case "ftruncate":
		return d.truncate(s)
	case "fsync", "fdatasync":
		d.endSync(s)
	case "mkdirat":
		return d.name(s.Args[0], s.Args[1], newFolder())
	case "unlinkat":
		return d.name(s.Args[0], s.Args[1], nil)
	case "renameat", "renameat2":
		return d.rename(s)
	default:
		return d.refuse(s)
	}
	return nil
}

// refuse returns an error for a call on something below the folder.
func (d *Disk) refuse(s *Step) error {
	for _, arg := range s.Args {
		if d.open[arg] != nil || arg == d.folder || strings.HasPrefix(arg, d.folder+"/") {
			return fmt.Errorf("the model of the disk does not have this call, with %.200q", s.Args)
		}
	}
	return nil
}

// lookup returns the folder that a path lies in and its name there; nil for a path that is
// not below the disk's folder.
func (d *Disk) lookup(at, path string) (*node, string, error) {
	dir := d.root
	switch {
	case filepath.IsAbs(path):
		below, ok := strings.CutPrefix(filepath.Clean(path), d.folder+"/")
		if !ok {
			return nil, "", nil
		}
		path = below
	case d.open[at] == nil:
		return nil, "", nil // relative to what is not below the folder
	default:
		dir = d.open[at].node
	}
	parts := strings.Split(filepath.Clean(path), "/")
	for _, part := range parts[:len(parts)-1] {
		if dir = dir.entries[part]; dir == nil {
			return nil, "", fmt.Errorf("%s: the disk has no %s", path, part)
		}
	}
	return dir, parts[len(parts)-1], nil
}

func (d *Disk) openFile(s *Step) error {
	fd, flags := strconv.FormatInt(s.Result, 10), s.Args[2]
	if s.Args[1] == d.folder {
		d.open[fd] = &descriptor{node: d.root}
		return nil
	}
	dir, name, err := d.lookup(s.Args[0], s.Args[1])
	if dir == nil {
		return err
	}
	n := dir.entries[name]
	if n == nil {
		if !strings.Contains(flags, "O_CREAT") {
			return fmt.Errorf("the disk has no %s", s.Args[1])
		}
		n = &node{file: &file{}}
		d.change(dir, name, n, d.nextChange())
	}
	if strings.Contains(flags, "O_TRUNC") && n.file != nil && n.file.size > 0 {
		n.file.put(write{})
	}
	d.open[fd] = &descriptor{node: n, append: strings.Contains(flags, "O_APPEND")}
	return nil
}

func (d *Disk) write(s *Step) error {
	open := d.open[s.Args[0]]
	if open == nil {
		return nil
	}
	w := write{offset: open.offset, data: []byte(s.Args[1])[:s.Result]}
	switch {
	case s.Name == "pwrite64":
		var err error
		if w.offset, err = strconv.ParseInt(s.Args[3], 0, 64); err != nil {
			return err
		}
	case open.append:
		w.offset = open.node.file.size
	default:
		open.offset += s.Result
	}
	open.node.file.put(w)
	return nil
}

// copy copies within the disk, from and to where the descriptors stand. Reading does not move
// them here, as it is not traced.
func (d *Disk) copy(s *Step) error {
	from, to := d.open[s.Args[0]], d.open[s.Args[2]]
	if to == nil {
		return nil
	}
	if from == nil || s.Args[1] != "NULL" || s.Args[3] != "NULL" {
		return fmt.Errorf("the model does not know what is copied by %q", s.Args)
	}
	content := append([]byte(nil), from.node.file.durable...)
	for i := range from.node.file.pending {
		content = from.node.file.pending[i].apply(content)
	}
	if end := from.offset + s.Result; end > int64(len(content)) {
		return fmt.Errorf("%d bytes are copied from %d on, of %d", s.Result, from.offset, len(content))
	}
	to.node.file.put(write{offset: to.offset, data: content[from.offset:][:s.Result]})
	from.offset += s.Result
	to.offset += s.Result
	return nil
}

func (d *Disk) truncate(s *Step) error {
	open := d.open[s.Args[0]]
	if open == nil {
		return nil
	}
	size, err := strconv.ParseInt(s.Args[1], 0, 64)
	if err == nil {
		open.node.file.put(write{offset: size})
	}
	return err
}

// put adds a write to a file.
func (f *file) put(w write) {
	f.pending = append(f.pending, w)
	if w.data == nil {
		f.size = w.offset
	} else {
		f.size = max(f.size, w.offset+int64(len(w.data)))
	}
}

// apply returns content after a write.
func (w *write) apply(content []byte) []byte {
	end := w.offset + int64(len(w.data))
	switch size := int64(len(content)); {
	case w.data == nil && end < size:
		return content[:end]
	case end > size:
		content = append(content, make([]byte, end-size)...)
	}
	copy(content[w.offset:], w.data)
	return content
}

func (d *Disk) rename(s *Step) error {
	from, old, err := d.lookup(s.Args[0], s.Args[1])
	if err != nil {
		return err
	}
	to, name, err := d.lookup(s.Args[2], s.Args[3])
	if err != nil || from == nil && to == nil {
		return err
	}
	if from == nil || to == nil {
		return fmt.Errorf("from %s to %s: only one of them is on the disk", s.Args[1], s.Args[3])
	}
	n, change := from.entries[old], d.nextChange()
	d.change(from, old, nil, change)
	d.change(to, name, n, change)
	return nil
}

// name makes a name stand for a node; nil removes the name.
func (d *Disk) name(at, path string, n *node) error {
	dir, name, err := d.lookup(at, path)
	if dir != nil {
		d.change(dir, name, n, d.nextChange())
	}
	return err
}

func (d *Disk) nextChange() int {
	d.changes++
	return d.changes
}

func (d *Disk) change(dir *node, name string, to *node, change int) {
	if to == nil {
		delete(dir.entries, name)
	} else {
		dir.entries[name] = to
	}
	dir.pending = append(dir.pending, naming{change, name, to})
}

// beginSync notes what an fsync covers for certain: what was written before it began.
func (d *Disk) beginSync(s *Step) {
	open := d.open[s.Args[0]]
	switch {
	case open == nil:
	case open.node.file != nil:
		d.syncing[s.Thread] = len(open.node.file.pending)
	default:
		d.syncing[s.Thread] = len(open.node.pending)
	}
}

// endSync makes durable what the fsync of the thread covers.
func (d *Disk) endSync(s *Step) {
	open := d.open[s.Args[0]]
	if open == nil {
		return
	}
	n := d.syncing[s.Thread]
	if f := open.node.file; f != nil {
		n = min(n, len(f.pending)) // another fsync can have ended meanwhile
		for i := range f.pending[:n] {
			f.durable = f.pending[i].apply(f.durable)
		}
		f.pending = f.pending[n:]
		return
	}
	dir := open.node
	n = min(n, len(dir.pending))
	for _, c := range dir.pending[:n] {
		d.synced[c.change] = true // and with it the other half of a rename
	}
	d.settle(d.root)
	maps.DeleteFunc(d.synced, func(int, bool) bool { return true })
}

// settle makes the changes of names durable that were synced.
func (d *Disk) settle(dir *node) {
	kept := dir.pending[:0:0]
	for _, c := range dir.pending {
		if d.synced[c.change] {
			c.apply(dir.durable)
		} else {
			kept = append(kept, c)
		}
	}
	dir.pending = kept
	for _, n := range dir.entries {
		if n.file == nil {
			d.settle(n)
		}
	}
}

// apply makes the change in a folder's names.
func (c *naming) apply(names map[string]*node) {
	if c.to == nil {
		delete(names, c.name)
	} else {
		names[c.name] = c.to
	}
}
