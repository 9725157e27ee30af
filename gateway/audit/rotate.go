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
// version of the log key is wanted. Where that cannot be had, the session is one of the
// version in force, whatever is asked for: nobody waits for a new key.
func (s *sequencer) renewSession(ctx context.Context) error {
	now := s.l.cfg.Clock()
	good := s.own != nil && now.Before(s.own.expires.Add(-sessionMargin))
	due := s.rotationDue(now)
	if good && !due {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if due {
		own, err := s.successor(ctx, now)
		if err == nil {
			s.own = own
			return nil
		}
		s.rotateAt = now.Add(rotateAgain)
		s.l.cfg.Logger.Error("the log key cannot be rotated now, and will be tried again", "error", err)
		if good {
			return nil
		}
	}
	own, err := s.session(ctx, now, *s.l.keys.Load())
	if err == nil {
		s.own = own
	}
	return err
}

// rotationDue reports whether a version of the log key is wanted that the log has not
// come to, and that was not tried just now.
func (s *sequencer) rotationDue(now time.Time) bool {
	reached := len(*s.l.keys.Load())
	if s.own != nil {
		reached = max(reached, len(s.own.keys))
	}
	return int64(reached) < s.l.wanted.Load() && !now.Before(s.rotateAt)
}

// successor makes a session key under the log key that is wanted, and the entries that
// introduce both.
func (s *sequencer) successor(ctx context.Context, now time.Time) (*ownSession, error) {
	rotation, keys, err := s.handOver(ctx, now)
	if err != nil {
		return nil, unavailable("audit.Append", "the log key cannot be handed over", err)
	}
	own, err := s.session(ctx, now, keys)
	if err == nil {
		own.intro = append(rotation, own.intro...)
	}
	return own, err
}

// session makes a session key under the last of the log keys.
func (s *sequencer) session(ctx context.Context, now time.Time, keys []*noteSigner) (*ownSession, error) {
	own, err := newSession(ctx, s.l.cfg.Origin, s.l.cfg.Keys, keys[len(keys)-1], now)
	if err != nil {
		return nil, unavailable("audit.Append", "no session key can be made", err)
	}
	own.keys = keys
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
