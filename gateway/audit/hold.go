package audit

import (
	"context"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Hold checks that a keyring is that of the log in a store: that its first log key began
// the line of log keys that the newest head hangs on, and that it holds the others. It
// returns the verifier keys, oldest first. For a log without entries, which every keyring
// would fit, it answers NotFound. An origin that is "" is the one that the log says.
//
// Whether the log is whole is not asked: who must be stopped can be, whatever somebody has
// done to it. It asks no witness, makes no key and writes nothing, not even what a keyring
// notes about keys (Keyring.Existing).
func Hold(ctx context.Context, cfg Config) ([]string, error) {
	const op = "audit.Hold"
	cfg.defaults()
	cfg.Keys = cfg.Keys.Existing()
	last, err := cfg.Store.LastBatch(ctx)
	switch {
	case isNotFound(err):
		return nil, fault.New(fault.NotFound, op, "the log has no entries")
	case err != nil:
		return nil, fault.Wrap(fault.Unavailable, op, "the log store does not answer", err)
	}
	if cfg.Origin == "" {
		first, err := cfg.Store.Batch(ctx, 0)
		if err != nil {
			return nil, fault.Wrap(fault.Unavailable, op, "the log store does not answer", err)
		}
		cfg.Origin = originOf(first)
	}
	l := newLog(cfg)
	if err := l.seq.findKeys(ctx); err != nil {
		return nil, err
	}
	if err := l.seq.signed(ctx, last); err != nil {
		return nil, fault.Wrap(fault.Unavailable, op, "the newest head does not hang on the log keys of the keyring", err)
	}
	return l.VKeys(), l.seq.succession(ctx)
}

// originOf is the name that a log has by its first entry, in which its first session is
// introduced.
func originOf(first *Batch) string {
	if len(first.Entries) == 0 {
		return ""
	}
	c, err := ColumnsOf(first.Entries[0])
	if err != nil {
		return ""
	}
	return c.Agency
}

// succession holds the log keys against each other: each but the first came in by an
// entry that the one before signed. That the newest head hangs on one of them was seen.
func (s *sequencer) succession(ctx context.Context) error {
	const op = "audit.Open"
	keys := *s.l.keys.Load()
	if len(keys) == 1 {
		return nil
	}
	found, err := Search(ctx, s.l.cfg.Store, Query{RequestID: keyRequest(s.l.cfg.Origin), Action: Admin, Limit: len(keys)})
	if err != nil {
		return fault.Wrap(fault.Unavailable, op, "the entries that brought the log keys in cannot be read", err)
	}
	line := keyLine{trusted: s.l.trusted()[:1]}
	for i := range found { // the newest came first
		e := &found[len(found)-1-i]
		if err := line.succeed(s.l.cfg.Origin, e.Index, &e.Entry); err != nil {
			return fault.Wrap(fault.Unavailable, op, "the keyring holds other log keys than the log had", err)
		}
	}
	same := len(line.epochs) == len(keys)
	for i := 0; same && i < len(keys); i++ {
		same = line.epochs[i].key.Equal(publicKey(keys[i].vkey))
	}
	if !same {
		return fault.New(fault.Unavailable, op, "the keyring holds other log keys than the log had")
	}
	return nil
}

// enter asks for the keys of a log that has entries as whoever may make keys does, so
// that a keyring that notes which keys it gave out notes these. None is made: they are
// there, and the log has shown that they are its own.
func (s *sequencer) enter(ctx context.Context) error {
	if s.l.Size() == 0 {
		return nil // findKeys asked so
	}
	if err := s.succession(ctx); err != nil {
		return err
	}
	for i, held := range *s.l.keys.Load() {
		key, err := loadKey(ctx, s.l.cfg.Keys, s.l.cfg.Origin, i+1)
		if err != nil {
			return err
		}
		if key.vkey != held.vkey {
			return fault.New(fault.Unavailable, "audit.Open", "a log key was exchanged while the log was opened")
		}
	}
	return nil
}
