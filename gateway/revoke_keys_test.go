package gateway_test

import (
	"database/sql"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/concord-gateway/concord/gateway"
	"github.com/concord-gateway/concord/gateway/config"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity/devissuer"
	"github.com/concord-gateway/concord/gateway/identity/revocation"
	"github.com/concord-gateway/concord/gateway/keyring/vaulttest"
	"github.com/concord-gateway/concord/gateway/store/mongotest"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

// hasLeft is a row about the analyst.
func hasLeft() revocation.Row {
	return revocation.Row{Agency: devissuer.Police, Subject: "analyst@" + devissuer.Police + ".example", Reason: "has left"}
}

// inStore does something to the embedded store of a house, which has stopped.
func (h *house) inStore(do func(gateway.Store)) {
	h.t.Helper()
	db, err := sqlite.Open(h.t.Context(), h.cfg.DataDir, sqlite.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	do(db)
	if err := db.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// registered are the keys that the store of a house was used with.
func (h *house) registered() string {
	h.t.Helper()
	var ids []string
	h.inStore(func(db gateway.Store) {
		err := db.Events().Walk(h.t.Context(), func(e *event.Event) error {
			if e.Kind == "key" {
				ids = append(ids, e.ID)
			}
			return nil
		})
		if err != nil {
			h.t.Error(err)
		}
	})
	return strings.Join(ids, "\n")
}

// TestRevokeWithAnotherKeyring revokes with a keyring that is not the log's, on a store
// from before the register of keys: it is refused before anything is made or written,
// and the gateway goes on with its own. A gateway that starts gives the log key its row.
func TestRevokeWithAnotherKeyring(t *testing.T) {
	t.Parallel()
	h := newHouse(t, onVault(vaulttest.New(t)))
	h.stop()
	h.forgetKeys()
	others := otherVaults(t)
	refused := func(when string) {
		t.Helper()
		for name, v := range others {
			before, rows := v.Contents(t), h.registered()
			cfg := *h.cfg
			onVault(v)(&cfg)
			if err := gateway.Revoke(t.Context(), &cfg, hasLeft()); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s, %s: %v", when, name, err)
			}
			if _, err := gateway.RestoreRevocations(t.Context(), &cfg); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%s, %s, to restore: %v", when, name, err)
			}
			if got := h.registered(); got != rows {
				t.Errorf("%s, %s: the store was used with\n%s\nbefore:\n%s", when, name, got, rows)
			}
			if got := v.Contents(t); got != before {
				t.Errorf("%s, %s has\n%s\nbefore:\n%s", when, name, got, before)
			}
		}
	}
	refused("before the register")
	h.start()
	h.stop()
	if got := h.registered(); !strings.Contains("\n"+got+"\n", "\nsign/log\n") {
		t.Errorf("a gateway that started has no row for the log key:\n%s", got)
	}
	refused("after a start")
	proxy := vaulttest.NewProxy(t, h.cfg.Keys.Vault.Address)
	cfg := *h.cfg
	cfg.Keys.Vault.Address = proxy.URL
	if err := gateway.Revoke(t.Context(), &cfg, hasLeft()); err != nil {
		t.Fatal(err)
	}
	if n := proxy.Count("/login"); n != 1 {
		t.Errorf("it logged in %d times", n)
	}
	h.start()
	h.call("analyst", http.MethodGet, "/v1/datasets", nil).want(http.StatusUnauthorized, nil)
	h.call("supervisor", http.MethodGet, "/v1/datasets", nil).want(http.StatusOK, nil)
}

// TestRevokeWhereNobodyLooks: it does not say that somebody is refused where no gateway
// uses the store, and makes nothing there.
func TestRevokeWhereNobodyLooks(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.stop()
	refused := func(what string, kind fault.Kind, code string) {
		t.Helper()
		if err := gateway.Revoke(t.Context(), h.cfg, hasLeft()); !fault.Is(err, kind) || fault.CodeOf(err) != code {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := gateway.RestoreRevocations(t.Context(), h.cfg); !fault.Is(err, kind) || fault.CodeOf(err) != code {
			t.Errorf("%s, to restore: %v", what, err)
		}
	}
	h.inStore(func(db gateway.Store) {
		if err := db.Events().Insert(t.Context(), event.Event{Kind: "restore", ID: "begun", Body: []byte("{}")}); err != nil {
			t.Error(err)
		}
	})
	refused("a restore that was not finished", fault.Conflict, "restore-unfinished")
	h.moveAway()
	refused("keys and no database", fault.Invalid, "")
	if _, err := os.Stat(filepath.Join(h.cfg.DataDir, sqlite.FileName)); !os.IsNotExist(err) {
		t.Errorf("there is a database: %v", err)
	}
	h.inStore(func(gateway.Store) {})
	refused("an empty database", fault.Invalid, "")
	h.cfg.Store.Mongo = config.Mongo{URI: mongotest.URI(t), Database: mongotest.Database(t)}
	refused("an empty database of MongoDB", fault.Invalid, "")
	if err := os.RemoveAll(filepath.Join(h.cfg.DataDir, gateway.KeysDir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(h.cfg.DataDir, gateway.KeysDir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := gateway.Revoke(t.Context(), h.cfg, hasLeft()); err == nil {
		t.Error("an empty folder of keys")
	}
	if made, err := os.ReadDir(filepath.Join(h.cfg.DataDir, gateway.KeysDir)); err != nil || len(made) > 0 {
		t.Errorf("in an empty folder of keys there is %v, %v", made, err)
	}
}

// TestRevokeWhateverTheLog revokes although somebody has put a checkpoint into the
// database that no log key signed: a gateway that runs goes on letting people in, and who
// must be stopped can be. A restore of the list, which believes the log, is refused.
func TestRevokeWhateverTheLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	db, err := sql.Open("sqlite", filepath.Join(h.cfg.DataDir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "INSERT INTO audit_checkpoints (size, note) VALUES (1000000, x'78')"); err != nil {
		t.Fatal(err)
	}
	h.call("analyst", http.MethodGet, "/v1/datasets", nil).want(http.StatusOK, nil)
	if err := gateway.Revoke(t.Context(), h.cfg, hasLeft()); err != nil {
		t.Error(err)
	}
	if n, err := gateway.RestoreRevocations(t.Context(), h.cfg); err == nil || n != 0 {
		t.Errorf("%d rows were put back from it: %v", n, err)
	}
}

// TestRestoreWithoutAQuorum restores the list of gateways that ask witnesses and depend on
// none of them.
func TestRestoreWithoutAQuorum(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.revoke("analyst")
	h.restart() // which notes it
	h.tamper("DELETE FROM events WHERE kind = 'revocation'")
	h.cfg.Log.Witnesses = []config.Witness{{Name: "w1", URL: "http://127.0.0.1:1", Key: "witness.example/w1+d055d463+BIgRtWj+fE5kKsPsYoVAfgICM9YQXXsKfH1Dv6l+OnYC"}}
	if n, err := gateway.RestoreRevocations(t.Context(), h.cfg); err != nil || n != 1 {
		t.Errorf("%d rows were put back: %v", n, err)
	}
}
