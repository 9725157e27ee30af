package register

import (
	"sync"

	"github.com/concord-gateway/concord/gateway/fault"
)

// known is what this process has found out of keys for good.
type known struct {
	mu  sync.RWMutex // covers ids
	ids map[string]fate
}

// fate is what became of a key.
type fate byte

const (
	_         fate = iota // not found out
	own                   // the keyring has it, and it is that of its row
	destroyed             // for ever
)

func (k *known) of(id string) fate {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.ids[id]
}

func (k *known) add(id string, f fate) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ids[id] = f
}

// note keeps in mind that a key was destroyed, where that is why it cannot be had.
func (k *known) note(id string, err error) error {
	if fault.Is(err, fault.NotFound) {
		k.add(id, destroyed)
	}
	return err
}
