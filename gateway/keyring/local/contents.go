package local

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring/primitive"
)

// Contents gives use every key of the folder, and every scope that was destroyed in it,
// for moving them elsewhere. They are in the clear, for as long as use takes: when it
// ends, however it does, they are zeroed, and so is what was read where not all of it
// could be. Nothing is written. It is all or nothing: a key that cannot be read, one that
// the index names and that is gone, and one whose name does not tell its scope, are
// Unavailable, the error names the file, and use is not called. Other errors are those of
// use. The folder must be at rest: in use by nobody else.
func (r *Ring) Contents(use func([]primitive.Key) error) error {
	var keys []primitive.Key
	defer func() {
		for i := range keys {
			clear(keys[i].Keyset)
		}
	}()
	if err := r.folder.contents(&keys); err != nil {
		return fault.Wrap(fault.Unavailable, "local.Contents", "the key folder cannot be read whole", err)
	}
	return use(keys)
}

// contents adds to keys what is in the folder, also where it ends with an error.
func (f *folder) contents(keys *[]primitive.Key) error {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		scope, use, ok := nameParts(e.Name())
		if !ok {
			continue
		}
		k, err := f.content(use, scope, e.Name())
		if k != nil {
			*keys = append(*keys, *k)
		}
		if err != nil {
			return err
		}
	}
	return f.checkWhole()
}

// content is what a file says of a key. The file of a key whose scope has a tombstone
// was left by a stop on the way, and says nothing.
func (f *folder) content(use use, encoded, name string) (*primitive.Key, error) {
	path := filepath.Join(f.path, name)
	scope, err := scopeNamed(encoded)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if use == "" {
		return &primitive.Key{Scope: scope, Destroyed: true}, nil
	}
	raw, err := f.read(slot{use, scope}, path)
	if errors.Is(err, errDestroyed) {
		return nil, nil //nolint:nilnil // there is no key, and nothing wrong
	}
	if err != nil {
		return nil, err
	}
	k := &primitive.Key{Use: use, Scope: scope, Keyset: raw}
	if err := k.Check(); err != nil {
		return k, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}

// checkWhole answers an error when a key that the index names is gone.
func (f *folder) checkWhole() error {
	f.index.mu.Lock()
	err := f.index.refresh()
	f.index.mu.Unlock()
	if err != nil {
		return err
	}
	for name := range f.index.names {
		encoded, use, ok := nameParts(name)
		if !ok || use == "" {
			continue // what a stop left of a line
		}
		scope, err := scopeNamed(encoded)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := f.checkLost(slot{use, scope}); err != nil && !errors.Is(err, errDestroyed) {
			return err
		}
	}
	return nil
}

// nameParts takes a file's name apart: the scope as it is encoded (scopeNamed), and the
// use, or none for a tombstone.
func nameParts(name string) (encoded string, of use, ok bool) {
	if encoded, ok := strings.CutSuffix(name, tombstoneSuffix); ok {
		return encoded, "", true
	}
	name, ok = strings.CutSuffix(name, keySuffix)
	at := strings.LastIndexByte(name, '.')
	if !ok || at < 0 {
		return "", "", false
	}
	encoded, of = name[:at], use(name[at+1:])
	return encoded, of, of == sealing || of == hashing || of == signing
}

// scopeNamed is the scope that has a name in the folder, if the name tells.
func scopeNamed(name string) (string, error) {
	errName := errors.New("the name does not tell the key's scope")
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] != '%' {
			b.WriteByte(name[i])
			continue
		}
		if i+2 >= len(name) {
			return "", errName
		}
		c, err := hex.DecodeString(name[i+1 : i+3])
		if err != nil {
			return "", errName
		}
		b.Write(c)
		i += 2
	}
	if b.Len() == 0 || fileName(b.String()) != name {
		return "", errName
	}
	return b.String(), nil
}
