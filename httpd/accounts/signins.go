package accounts

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"gatebook/internal/regular"
)

const (
	// signInLife is how long a sign-in holds.
	signInLife = 12 * time.Hour
	// mostSignIns and mostOfAccount bound how many sign-ins there are. One more ends the oldest.
	mostSignIns   = 1000
	mostOfAccount = 50
	signInFormat  = 1
)

// SignIn is a browser that is signed in.
type SignIn struct {
	Account Account
	// Secret is what the browser shows with each request. It is known when the sign-in is
	// made, and kept nowhere.
	Secret string
	Until  time.Time
	// NotKept is why the sign-in will be forgotten when the process ends, nil when it will not.
	NotKept error
}

// keptSignIn is a sign-in as it is kept: the secret cannot be had from it.
type keptSignIn struct {
	// ID is the SHA-256 of the secret, in hexadecimal.
	ID      string `json:"id"`
	Account string `json:"account"`
	// Proof is a hash of the password's hash or of the token that was shown, so that the
	// sign-in ends with it.
	Proof string    `json:"proof"`
	Until time.Time `json:"until"`
}

// signIns holds the sign-ins of browsers, in memory and in the file "accounts.signins" of the
// data folder. Its methods are safe for concurrent use.
type signIns struct {
	file File

	mu  sync.Mutex   // guards all, and is held while the file is written
	all []keptSignIn // the oldest first
}

// newSignIns reads the sign-ins that an earlier process has kept. A file that cannot be used
// holds none: everyone has to sign in again.
func newSignIns(f File) *signIns {
	s := &signIns{file: f}
	file, err := regular.Open(s.path())
	if err != nil {
		return s
	}
	defer file.Close()
	var content struct {
		Format  int          `json:"format"`
		SignIns []keptSignIn `json:"signins"`
	}
	info, err := file.Stat()
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		return s
	}
	text, err := io.ReadAll(io.LimitReader(file, largest))
	if err == nil && strictly(text, &content) == nil && content.Format == signInFormat {
		s.all = content.SignIns
	}
	return s
}

func (s *signIns) path() string { return s.file.Path() + ".signins" }

// add adds a sign-in of an account.
func (s *signIns) add(account Account, proof string) SignIn {
	var random [32]byte
	rand.Read(random[:])
	made := SignIn{
		Account: account, Secret: base64.RawURLEncoding.EncodeToString(random[:]),
		Until: s.file.now().Add(signInLife).Truncate(time.Second),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tidy(account.Name)
	s.all = append(s.all, keptSignIn{ID: idOf(made.Secret), Account: account.Name, Proof: proof, Until: made.Until})
	made.NotKept = s.write()
	return made
}

// tidy removes the sign-ins that are over, and the oldest where one more would be too many.
func (s *signIns) tidy(account string) {
	now := s.file.now()
	s.all = slices.DeleteFunc(s.all, func(k keptSignIn) bool { return !now.Before(k.Until) })
	own := func(k keptSignIn) bool { return keyOf(k.Account) == keyOf(account) }
	n := 0
	for _, k := range s.all {
		if own(k) {
			n++
		}
	}
	if n >= mostOfAccount {
		oldest := slices.IndexFunc(s.all, own)
		s.all = slices.Delete(s.all, oldest, oldest+1)
	}
	if len(s.all) >= mostSignIns {
		s.all = slices.Delete(s.all, 0, 1)
	}
}

// find returns the sign-in of a secret, false when there is none.
func (s *signIns) find(secret string) (keptSignIn, bool) {
	id, now := idOf(secret), s.file.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	// The id is a hash of what was sent, so that comparing it tells nothing about the secret.
	i := slices.IndexFunc(s.all, func(k keptSignIn) bool { return k.ID == id })
	if i < 0 || !now.Before(s.all[i].Until) {
		return keptSignIn{}, false
	}
	return s.all[i], true
}

// remove removes the sign-in of a secret.
func (s *signIns) remove(secret string) error {
	id := idOf(secret)
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.all)
	s.all = slices.DeleteFunc(s.all, func(k keptSignIn) bool { return k.ID == id })
	if len(s.all) == n {
		return nil
	}
	return s.write()
}

// write replaces the file. The caller holds the lock.
func (s *signIns) write() error {
	text, err := json.Marshal(map[string]any{"format": signInFormat, "signins": s.all})
	if err != nil {
		return fmt.Errorf("keep sign-ins: %w", err)
	}
	temporary := s.path() + ".new"
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep sign-ins: %w", err)
	}
	if err = writeSynced(temporary, append(text, '\n')); err == nil {
		err = os.Rename(temporary, s.path())
	}
	if err == nil {
		err = syncFolder(s.file.Folder)
	}
	if err != nil {
		return fmt.Errorf("keep sign-ins: %w", err)
	}
	return nil
}

// idOf returns the name under which the sign-in of a secret is kept.
func idOf(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// proofOf returns the proof of a credential: "password" and its bcrypt hash, or "token" and
// its sum.
func proofOf(kind, kept string) string {
	return idOf(strings.Join([]string{"sign-in", kind, kept}, "\x00"))
}
