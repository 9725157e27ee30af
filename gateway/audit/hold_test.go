package audit_test

import (
	"context"
	"crypto"
	"slices"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/keyring"
)

// exchanged is a keyring in which one version of the log key is that of another, and
// which counts what is asked for as when keys may be made.
type exchanged struct {
	keyring.Keyring

	version int
	other   keyring.Keyring
	making  *[]string
}

func (e exchanged) Signer(ctx context.Context, name string) (crypto.Signer, error) {
	if e.making != nil {
		*e.making = append(*e.making, name)
	}
	if e.other != nil && name == audit.SignerName(e.version) {
		return e.other.Signer(ctx, name)
	}
	return e.Keyring.Signer(ctx, name)
}

func (e exchanged) Existing() keyring.Keyring { e.making = nil; return e }

// TestHold: a keyring that holds each key of the log is its own, and no other is; of
// a log that is empty nothing can be said.
func TestHold(t *testing.T) {
	h, other := newHouse(t), newHouse(t)
	rotated(t, other)
	if _, err := audit.Hold(t.Context(), h.config()); !fault.Is(err, fault.NotFound) {
		t.Errorf("an empty log: %v", err)
	}
	rotated(t, h)
	asked := []string{}
	cfg := h.config()
	cfg.Keys = exchanged{Keyring: h.keys, making: &asked}
	got, err := audit.Hold(t.Context(), cfg)
	if want := []string{h.vkeyOf(1), h.vkeyOf(2), h.vkeyOf(3), h.vkeyOf(4)}; err != nil || !slices.Equal(got, want) || len(asked) > 0 {
		t.Errorf("%v, %v; asked as when keys are made: %v", got, err, asked)
	}
	l := h.open(func(c *audit.Config) { c.Keys = cfg.Keys })
	if !slices.Contains(asked, "log") || !slices.Contains(asked, "log/4") {
		t.Errorf("a log that is opened asks for %v as when keys are made", asked)
	}
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	for version := 1; version <= 4; version++ {
		asked = []string{}
		cfg.Keys = exchanged{Keyring: h.keys, other: other.keys, version: version, making: &asked}
		if _, err := audit.Hold(t.Context(), cfg); !fault.Is(err, fault.Unavailable) {
			t.Errorf("version %d is another's: %v", version, err)
		}
		if _, err := audit.Open(t.Context(), cfg); !fault.Is(err, fault.Unavailable) || slices.Contains(asked, "log") {
			t.Errorf("version %d is another's, opened: %v; asked as when keys are made: %v", version, err, asked)
		}
	}
	cfg.Keys = other.keys
	if _, err := audit.Hold(t.Context(), cfg); !fault.Is(err, fault.Unavailable) {
		t.Errorf("another log's keyring: %v", err)
	}
}
