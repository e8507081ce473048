package heads

import (
	"errors"
	"fmt"
	"os"

	"gatebook/internal/shell"
	"gatebook/storage/treehead"
)

// KeyError reports that the file of the key is missing, damaged or another while this process signs with the key.
// Heads are signed all the same, and the next process would refuse the folder.
type KeyError struct {
	// Folder is the data folder, Err what is wrong with the file.
	Folder string
	Err    error
}

func (e *KeyError) Error() string {
	return fmt.Sprintf("the file of the key that signs the log: %v. The log is signed on with the key as it was read, and no server would start again: put the file back from a copy, or, while this server runs, make another key with gatebook key rotate --data %s",
		e.Err, shell.Quote(e.Folder))
}

// Unwrap returns what is wrong with the file.
func (e *KeyError) Unwrap() error { return e.Err }

// CheckKey looks whether the file of the key has the key that signs. It reports when that begins to be otherwise.
func (h *Heads) CheckKey() {
	h.signing.Lock()
	defer h.signing.Unlock()
	if h.signer == nil {
		return
	}
	wrong := h.compareKey()
	h.mu.Lock()
	known := h.keyFault != nil
	if h.keyFault = nil; wrong != nil {
		h.keyFault = &KeyError{Folder: h.o.Folder.Path, Err: wrong}
	}
	fault := h.keyFault
	h.mu.Unlock()
	if fault != nil && !known {
		h.o.Report(fault)
	}
}

// compareKey returns what is wrong with the file of the key. Its caller holds signing.
func (h *Heads) compareKey() error {
	path := h.o.Folder.Key()
	content, err := treehead.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s is missing: %w", path, os.ErrNotExist)
	}
	if err != nil {
		return err
	}
	own, err := treehead.ParseSigner(h.Keys().Origin, content)
	if err != nil {
		return fmt.Errorf("%s is damaged: %w", path, err)
	}
	if own.Public() != h.signer.Public() {
		return fmt.Errorf("%s has another key, %s", path, own.Verifier())
	}
	return nil
}

// KeyErr returns a [*KeyError] while the file of the key is not as it has to be, nil otherwise.
func (h *Heads) KeyErr() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.keyFault == nil {
		return nil
	}
	return h.keyFault
}
