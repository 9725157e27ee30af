package mongotest

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

func TestServer(t *testing.T) {
	uri := URI(t)
	if again := URI(t); again != uri {
		t.Errorf("a second server: %s and %s", uri, again)
	}
	if a, b := Database(t), Database(t); a == b || len(a) > 63 {
		t.Errorf("databases %s and %s", a, b)
	}
	address := strings.Trim(strings.TrimPrefix(uri, "mongodb://"), "/")
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
}

// TestServerEndsWithItsInput is what keeps servers from outliving their tests.
func TestServerEndsWithItsInput(t *testing.T) {
	URI(t)
	s, err := start(os.Getenv(Variable))
	if err != nil {
		t.Fatal(err)
	}
	_ = s.hold.Close()
	address := strings.Trim(strings.TrimPrefix(s.uri, "mongodb://"), "/")
	deadline := time.After(startTimeout)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		var d net.Dialer
		conn, err := d.DialContext(t.Context(), "tcp", address)
		if err != nil {
			return
		}
		_ = conn.Close()
		select {
		case <-deadline:
			t.Fatal("the server is still there")
		case <-tick.C:
		}
	}
}

// TestNoServer starts what is no server.
func TestNoServer(t *testing.T) {
	for _, binary := range []string{"/nowhere/ferretdb", "/bin/true", "/bin/pwd"} {
		if s, err := start(binary); err == nil {
			t.Errorf("%s: %+v", binary, s)
		}
	}
}
