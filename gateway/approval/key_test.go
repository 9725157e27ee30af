package approval_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/concord-gateway/concord/gateway/approval"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/notekey"
)

func pointer(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Pointer
	}
	return ""
}

// rename gives a signer key another name.
func rename(tb testing.TB, signerKey, name string) string {
	tb.Helper()
	_, private, err := notekey.Signer(signerKey)
	if err != nil {
		tb.Fatal(err)
	}
	public, _ := private.Public().(ed25519.PublicKey)
	verifier, err := note.NewEd25519VerifierKey(name, public)
	if err != nil {
		tb.Fatal(err)
	}
	hash := strings.Split(verifier, "+")[1]
	return fmt.Sprintf("PRIVATE+KEY+%s+%s+%s", name, hash, base64.StdEncoding.EncodeToString(append([]byte{1}, private.Seed()...)))
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	k := newKey(t, "telford-housing/data-protection-officer")
	public, err := approval.VerifierKey(k.private + "\n")
	if err != nil || public != k.public {
		t.Errorf("got %s, %v", public, err)
	}
	for _, name := range []string{"", "Jane Doe", "a/", "/a", "a//b", "A/b", "a/b\n", "a+b", "é/b", "a b"} {
		if private, public, err := approval.NewKey(name); private != "" || public != "" || !fault.Is(err, fault.Invalid) {
			t.Errorf("the name %q: %v", name, err)
		}
	}
	for name, private := range map[string]string{"nothing": "", "public": k.public, "cut": k.private[:len(k.private)-4]} {
		if public, err := approval.VerifierKey(private); public != "" || !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %q, %v", name, public, err)
		}
	}
}

func TestSameKey(t *testing.T) {
	t.Parallel()
	a, b := newKey(t, "a/dpo"), newKey(t, "a/dpo")
	renamed, err := approval.VerifierKey(rename(t, a.private, "b/siro"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, a, b string
		want       bool
	}{
		{"itself", a.public, a.public, true},
		{"white space around", a.public, "\n" + a.public + " ", true},
		{"another name", a.public, renamed, true},
		{"another key", a.public, b.public, false},
	} {
		if got, err := approval.SameKey(c.a, c.b); err != nil || got != c.want {
			t.Errorf("%s: %t, %v", c.name, got, err)
		}
	}
	for _, pair := range [][2]string{{"", a.public}, {a.public, ""}, {a.public, a.private}} {
		if same, err := approval.SameKey(pair[0], pair[1]); same || !fault.Is(err, fault.Invalid) {
			t.Errorf("%v: %t, %v", pair, same, err)
		}
	}
	if !approval.SamePerson("A@b.example", " a@B.example") || approval.SamePerson("a@b.example", "a@c.example") {
		t.Error("who is one person")
	}
}
