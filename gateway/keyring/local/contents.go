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

// Contents reads every key of a folder, and every scope that was destroyed in it, for
// moving them elsewhere. Nothing is written. It is all or nothing: a key that cannot be
// read, one that the index names and that is gone, and one whose name does not tell its
// scope, are Unavailable, and the error names the file. The folder must be at rest: its
// keyring in use by nobody.
func Contents(dir string) ([]primitive.Key, error) {
	const op = "local.Contents"
	f, err := openFolder(dir, false)
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "the key folder cannot be used", err)
	}
	keys, err := f.contents()
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "the key folder cannot be read whole", err)
	}
	return keys, nil
}

func (f *folder) contents() ([]primitive.Key, error) {
	entries, err := os.ReadDir(f.path)
	if err != nil {
		return nil, err
	}
	var keys []primitive.Key
	for _, e := range entries {
		if s, ok := f.slotOf(e.Name()); ok {
			k, err := f.content(s, e.Name())
			if err != nil {
				return nil, err
			}
			if k != nil {
				keys = append(keys, *k)
			}
		}
	}
	return keys, f.checkWhole()
}

// content is what a file says of a key. The file of a key whose scope has a tombstone
// was left by a stop on the way, and says nothing.
func (f *folder) content(s slot, name string) (*primitive.Key, error) {
	path := filepath.Join(f.path, name)
	scope, err := scopeNamed(s.scope)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if s.use == "" {
		return &primitive.Key{Scope: scope, Destroyed: true}, nil
	}
	s.scope = scope
	raw, err := f.read(s, path)
	if errors.Is(err, errDestroyed) {
		return nil, nil //nolint:nilnil // there is no key, and nothing wrong
	}
	if err != nil {
		return nil, err
	}
	k := &primitive.Key{Use: s.use, Scope: scope, Keyset: raw}
	if err := k.Check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
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
		s, ok := f.slotOf(name)
		if !ok || s.use == "" {
			continue // what a stop left of a line
		}
		scope, err := scopeNamed(s.scope)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := f.checkLost(slot{s.use, scope}); err != nil && !errors.Is(err, errDestroyed) {
			return err
		}
	}
	return nil
}

// slotOf takes a file's name apart: the scope as it is encoded, and a use, or none for
// a tombstone.
func (*folder) slotOf(name string) (slot, bool) {
	if scope, ok := strings.CutSuffix(name, tombstoneSuffix); ok {
		return slot{scope: scope}, true
	}
	name, ok := strings.CutSuffix(name, keySuffix)
	at := strings.LastIndexByte(name, '.')
	if !ok || at < 0 {
		return slot{}, false
	}
	s := slot{use(name[at+1:]), name[:at]}
	return s, s.use == sealing || s.use == hashing || s.use == signing
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
