package vaulttest

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestServer(t *testing.T) {
	s := Shared(t)
	if again := Shared(t); again != s {
		t.Errorf("a second server: %s and %s", s.Address, again.Address)
	}
	one, other := NewHouse(t, s, "1m", "2m"), NewHouse(t, s, "1m", "2m")
	token := one.Token(t, one.Gateway)
	for _, c := range []struct {
		house *House
		want  int
	}{{one, http.StatusNotFound}, {other, http.StatusForbidden}} {
		status, _, err := s.Call(token, http.MethodGet, c.house.KV+"/data/keysets/none", nil)
		if err != nil || status != c.want {
			t.Errorf("a gateway's token: %d, %v, want %d", status, err, c.want)
		}
	}
}

// TestServerEnds stops a server, which is what closing the pipe to its keeper does,
// and starts none.
func TestServerEnds(t *testing.T) {
	Shared(t)
	s, err := launch(setup{dir: t.TempDir(), client: http.DefaultClient, raft: true})
	if err != nil {
		t.Fatal(err)
	}
	s.end()
	if s.answers() {
		t.Error("the server is still there")
	}
}

// TestServerWithoutItsPlugin names the variable whose file is not there.
func TestServerWithoutItsPlugin(t *testing.T) {
	t.Setenv(KubernetesVariable, filepath.Join(t.TempDir(), "missing"))
	_, err := launch(setup{dir: t.TempDir(), client: http.DefaultClient})
	if err == nil || !strings.Contains(err.Error(), "what "+KubernetesVariable+" names") {
		t.Errorf("%v", err)
	}
}
