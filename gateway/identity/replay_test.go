package identity

import (
	"strconv"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
)

// TestReplaysAreBounded: of one key, of one principal with many keys, and altogether.
// What is over makes room.
func TestReplaysAreBounded(t *testing.T) {
	r, now := newReplays(), time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)
	once := func(key, subject, id string) error {
		return r.once(digestOfProof(key, id), [2]maker{{key: key}, {agency: "police", subject: subject}}, now)
	}
	fill := func(key, subject string, n int) (err error) {
		for i := range n {
			if err = once(key, subject, strconv.Itoa(i)); err != nil {
				break
			}
		}
		return err
	}
	const keys = 16
	for key := range keys { // one principal has them all
		if err := fill("k"+strconv.Itoa(key), "one", maxOfOne/keys); err != nil {
			t.Fatal(err)
		}
	}
	if err := once("another", "one", "x"); !fault.Is(err, fault.Limited) {
		t.Errorf("too many of one principal: %v", err)
	}
	if err := fill("1", "two", maxOfOne/2); err != nil {
		t.Fatal(err)
	}
	if err := fill("1", "two", 1); err != errReplay { //nolint:errorlint // it is never wrapped
		t.Errorf("a replay: %v", err)
	}
	for i := maxOfOne / 2; i < maxOfOne; i++ {
		if err := once("1", "three", strconv.Itoa(i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := once("1", "four", "x"); !fault.Is(err, fault.Limited) {
		t.Errorf("too many of one key: %v", err)
	}
	for key := 2; key < maxProofs/maxOfOne; key++ {
		if err := fill(strconv.Itoa(key), "of "+strconv.Itoa(key), maxOfOne); err != nil {
			t.Fatal(err)
		}
	}
	if err := once("new", "new", "x"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("too many altogether: %v", err)
	}
	if err := once("1", "two", "0"); err != errReplay { //nolint:errorlint // it is never wrapped
		t.Errorf("a replay when all is full: %v", err)
	}
	now = now.Add(replayLife)
	if err := once("1", "two", "0"); err == nil {
		t.Error("a proof was forgotten too early")
	}
	now = now.Add(time.Nanosecond)
	if err := once("1", "two", "0"); err != nil || len(r.seen) != 1 || len(r.of) != 2 {
		t.Errorf("after its life: %v; %d proofs of %d makers are kept", err, len(r.seen), len(r.of))
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
