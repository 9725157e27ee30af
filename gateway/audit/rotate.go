package audit

import (
	"context"
	"slices"
	"time"
)

// rotateAgain is how long after a rotation that failed the next is tried.
const rotateAgain = time.Minute

// RotateKey asks for a version of the log key while the log is in use: the next batch
// hands the log over. Versions only ever go up; one that the log has come to changes
// nothing. Where the keyring does not give the new key, or the old one does not sign,
// the log goes on under the key that it has, and tries again once a minute.
func (l *Log) RotateKey(version int) {
	for {
		wanted := l.wanted.Load()
		if int64(version) <= wanted || l.wanted.CompareAndSwap(wanted, int64(version)) {
			return
		}
	}
}

// renewSession makes a session key when there is none, or it ends soon, or another
// version of the log key is wanted.
func (s *sequencer) renewSession(ctx context.Context) error {
	now := s.l.cfg.Clock()
	good := s.own != nil && now.Before(s.own.expires.Add(-sessionMargin))
	if good && !s.rotationDue(now) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	own, err := s.successor(ctx, now)
	if err != nil && good { // nobody waits for the new key
		s.rotateAt = now.Add(rotateAgain)
		s.l.cfg.Logger.Error("the log key cannot be rotated now, and will be tried again", "error", err)
		return nil
	}
	if err == nil {
		s.own = own
	}
	return err
}

// rotationDue reports whether a version of the log key is wanted that the log has not
// come to, and that was not tried just now.
func (s *sequencer) rotationDue(now time.Time) bool {
	reached := max(len(*s.l.keys.Load()), len(s.own.keys))
	return int64(reached) < s.l.wanted.Load() && !now.Before(s.rotateAt)
}

// successor makes a session key under the log key that is wanted, and the entries that
// introduce both.
func (s *sequencer) successor(ctx context.Context, now time.Time) (*ownSession, error) {
	rotation, keys, err := s.handOver(ctx, now)
	if err != nil {
		return nil, unavailable("audit.Append", "the log key cannot be handed over", err)
	}
	own, err := newSession(ctx, s.l.cfg.Origin, s.l.cfg.Keys, keys[len(keys)-1], now)
	if err != nil {
		return nil, unavailable("audit.Append", "no session key can be made", err)
	}
	own.intro, own.keys = append(rotation, own.intro...), keys
	return own, nil
}

// handOver makes the entries that bring the log key to the version that is
// wanted, and returns all keys there are then.
func (s *sequencer) handOver(ctx context.Context, now time.Time) ([]prepared, []*noteSigner, error) {
	keys := *s.l.keys.Load()
	var entries []prepared
	for int64(len(keys)) < s.l.wanted.Load() {
		next, err := loadKey(ctx, s.l.cfg.Keys, s.l.cfg.Origin, len(keys)+1)
		if err != nil {
			return nil, nil, err
		}
		entry, err := keyRotation(ctx, preparer{keys: s.l.cfg.Keys, now: now}, s.l.cfg.Origin, keys, next)
		if err != nil {
			return nil, nil, err
		}
		entries = append(entries, entry)
		keys = append(slices.Clip(keys), next)
	}
	return entries, keys, nil
}
