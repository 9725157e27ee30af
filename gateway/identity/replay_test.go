package identity

import (
	"strconv"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// TestReplaysAreBounded: of one key, and altogether. What is over makes room.
func TestReplaysAreBounded(t *testing.T) {
	r, now := newReplays(), time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	fill := func(key string, n int) (err error) {
		for i := range n {
			if err = r.once(key, strconv.Itoa(i), now); err != nil {
				break
			}
		}
		return err
	}
	if err := fill("one", maxOfKey); err != nil {
		t.Fatal(err)
	}
	if err := r.once("one", "another", now); !fault.Is(err, fault.Limited) {
		t.Errorf("too many of one key: %v", err)
	}
	for key := 1; key < maxProofs/maxOfKey; key++ {
		if err := fill(strconv.Itoa(key), maxOfKey); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.once("new", "x", now); !fault.Is(err, fault.Unavailable) {
		t.Errorf("too many altogether: %v", err)
	}
	if err := r.once("one", "0", now); err != refusal("the proof was used before") { //nolint:errorlint // it is never wrapped
		t.Errorf("a replay when all is full: %v", err)
	}
	now = now.Add(replayLife)
	if err := r.once("one", "0", now); err == nil {
		t.Error("a proof was forgotten too early")
	}
	now = now.Add(time.Nanosecond)
	if err := r.once("one", "0", now); err != nil || len(r.seen) != 1 || len(r.of) != 1 {
		t.Errorf("after its life: %v; %d proofs of %d keys are kept", err, len(r.seen), len(r.of))
	}
}

// TestCacheIsBounded, and keeps nothing past its end.
func TestCacheIsBounded(t *testing.T) {
	c, now := newCache(), time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	for i := range maxCached + 100 {
		c.put(keyOf(strconv.Itoa(i), ""), &verified{expires: now.Add(time.Hour)}, now)
	}
	if len(c.held) > maxCached {
		t.Errorf("%d tokens are kept", len(c.held))
	}
	key := keyOf("short", "")
	c.put(key, &verified{expires: now.Add(2 * time.Second)}, now)
	c.put(keyOf("long", ""), &verified{expires: now.Add(time.Hour)}, now)
	for after, want := range map[time.Duration]bool{0: true, time.Second: true, 2 * time.Second: false} {
		if got := c.get(key, now.Add(after)) != nil; got != want {
			t.Errorf("after %v: %v", after, got)
		}
	}
	if c.get(keyOf("long", ""), now.Add(cacheLife)) != nil || c.get(keyOf("long", "x"), now) != nil || c.get(keyOf("longx", ""), now) != nil {
		t.Error("a token is kept too long, or for another certificate")
	}
}
