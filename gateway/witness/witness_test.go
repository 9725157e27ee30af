package witness_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/witness"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// TestCosign holds the exchange against c2sp.org/tlog-witness, byte by byte.
func TestCosign(t *testing.T) {
	const checkpoint = "log.example\n7\nAAAA\n\n— log.example x\n"
	proof := []tlog.Hash{tlog.RecordHash([]byte("a")), tlog.RecordHash([]byte("b"))}
	want := "old 4\n" + proof[0].String() + "\n" + proof[1].String() + "\n\n" + checkpoint
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || string(body) != want || r.Method != http.MethodPost || r.URL.Path != "/w/1/add-checkpoint" {
			t.Errorf("%s %s: %q, %v", r.Method, r.URL.Path, body, err)
		}
		_, _ = io.WriteString(w, "— w.example y\n")
	}))
	defer srv.Close()
	c := client(t, srv.URL+"/w/1/")
	lines, err := c.Cosign(t.Context(), 4, proof, []byte(checkpoint))
	if err != nil || string(lines) != "— w.example y\n" {
		t.Errorf("%q, %v", lines, err)
	}
	if _, err := c.Cosign(t.Context(), 4, make([]tlog.Hash, 64), nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("with 64 hashes: %v", err)
	}
}

func client(t *testing.T, base string) *witness.Client {
	t.Helper()
	c, err := witness.New(base)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		status int
		kind   string
		body   string
		want   fault.Kind
		size   int64
	}{
		{"another size", 409, "text/x.tlog.size", "17\n", "", 17},
		{"no size", 409, "text/x.tlog.size", "", fault.Unavailable, 0},
		{"a size of another kind", 409, "text/plain", "17\n", fault.Unavailable, 0},
		{"a size not ended", 409, "text/x.tlog.size", "17", fault.Unavailable, 0},
		{"a size spelt otherwise", 409, "text/x.tlog.size", "017\n", fault.Unavailable, 0},
		{"a size below nothing", 409, "text/x.tlog.size", "-1\n", fault.Unavailable, 0},
		{"a size too great", 409, "text/x.tlog.size", "99999999999999999999\n", fault.Unavailable, 0},
		{"inconsistent", 422, "text/plain", "no", fault.Conflict, 0},
		{"unknown log", 404, "text/plain", "no", fault.Forbidden, 0},
		{"unknown key", 403, "text/plain", "no", fault.Forbidden, 0},
		{"not taken", 400, "text/plain", "no", fault.Forbidden, 0},
		{"broken", 500, "text/plain", "no", fault.Unavailable, 0},
		{"accepted", 202, "text/plain", "", fault.Unavailable, 0},
		{"too long", 200, "text/plain", strings.Repeat("x", 17<<10), fault.Unavailable, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer srv.Close()
			lines, err := client(t, srv.URL).Cosign(t.Context(), 0, nil, nil)
			if lines != nil || err == nil {
				t.Fatalf("%q, %v", lines, err)
			}
			other, ok := errors.AsType[*audit.OtherSizeError](err)
			if ok != (c.want == "") || ok && other.Size != c.size || !ok && fault.KindOf(err) != c.want {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestRedirect: nobody sends the gateway elsewhere.
func TestRedirect(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
	defer elsewhere.Close()
	srv := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	if _, err := client(t, srv.URL).Cosign(t.Context(), 0, nil, nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
}

func TestUnreachable(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	if _, err := client(t, srv.URL).Cosign(t.Context(), 0, nil, nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("%v", err)
	}
	for _, base := range []string{"", "w.example", "ftp://w.example", "https://", "https://u:p@w.example", "https://w.example/?a=b", "https://w.example/#a", "http://%zz"} {
		if _, err := witness.New(base); !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", base, err)
		}
	}
}
