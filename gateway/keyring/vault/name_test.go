package vault

import (
	"encoding/hex"
	"regexp"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway/keyring"
)

// TestKeyNames holds the names that the policies go by.
func TestKeyNames(t *testing.T) {
	for scope, want := range map[string]string{
		keyring.RecordScope("ISA-TH-WMP-001", "2026-11"): "record.ISA-TH-WMP-001.2026-11",
		keyring.RejectedScope("2026-11"):                 "rejected.2026-11",
		keyring.IndexScope("housing.concern"):            "index.housing_2econcern",
		keyring.LinkScope:                                "case-link",
		keyring.EditionScope:                             "edition",
		"log/2026-11":                                    "log.2026-11",
		"ref/2026":                                       "ref.2026",
		"sign/log":                                       "_73ign.log",
	} {
		if got := keyName(scope); got != want {
			t.Errorf("%q is called %q, want %q", scope, got, want)
		}
	}
	if got := signName("log/2"); got != "sign.log.2" {
		t.Errorf("the second log key is called %q", got)
	}
}

// scopeOf undoes keyName for names that are not hashed.
func scopeOf(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '.':
			b.WriteByte('/')
		case '_':
			raw, err := hex.DecodeString(name[i+1 : i+3])
			if err != nil {
				return "?"
			}
			b.Write(raw)
			i += 2
		default:
			b.WriteByte(name[i])
		}
	}
	return b.String()
}

// vaultTakes is what Vault takes as the name of a key.
var vaultTakes = regexp.MustCompile(`^\w(([\w-.]+)?\w)?$`)

// FuzzKeyName holds that every scope has a name that Vault takes, of which it can be
// told again; so no two share one.
func FuzzKeyName(f *testing.F) {
	for _, s := range []string{"record/ISA-1/2026-11", "-", "/", "//", "a//b", "a/", "/a", "a-", "a.b_c", "é", "sign", "sign/log", "signs", strings.Repeat("x/", 200)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, scope string) {
		if scope == "" {
			return
		}
		name := keyName(scope)
		if !vaultTakes.MatchString(name) || strings.HasPrefix(name, signClass+".") || strings.Contains(name, "..") || len(name) > 2*longest {
			t.Errorf("%q is called %q", scope, name)
		}
		if !strings.Contains(name, "_sha256_") && scopeOf(name) != scope {
			t.Errorf("%q is called %q, which is %q", scope, name, scopeOf(name))
		}
	})
}
