package identity

import (
	"crypto/sha256"
	"sync"
	"time"
)

// The bounds of the cache.
const (
	cacheLife = 30 * time.Second
	maxCached = 10_000
)

// cache remembers tokens that verified, for 30 seconds and never past their end.
// Binding, proof and revocation are no part of what it remembers: they are checked
// on every call.
type cache struct {
	mu   sync.RWMutex // covers held
	held map[cacheKey]cached
}

type cached struct {
	token *verified
	until time.Time
}

// cacheKey is the digest of a token and of the certificate it came with.
type cacheKey [sha256.Size]byte

func newCache() *cache { return &cache{held: map[cacheKey]cached{}} }

// keyOf digests a token and a certificate's thumbprint. Neither may hold the byte
// between them: a token that does is never kept.
func keyOf(token, certificate string) cacheKey {
	b := make([]byte, 0, len(token)+1+len(certificate))
	b = append(append(append(b, token...), 0), certificate...)
	return sha256.Sum256(b)
}

// get returns what was verified, or nil. It is shared and not to be changed.
func (c *cache) get(key cacheKey, now time.Time) *verified {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if e, ok := c.held[key]; ok && now.Before(e.until) {
		return e.token
	}
	return nil
}

// put keeps a token. When the cache is full, whichever comes first goes: it is
// verified again, no more.
func (c *cache) put(key cacheKey, t *verified, now time.Time) {
	until := now.Add(cacheLife)
	if t.expires.Before(until) {
		until = t.expires
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for k := range c.held {
		if len(c.held) < maxCached {
			break
		}
		delete(c.held, k)
	}
	c.held[key] = cached{token: t, until: until}
}
