package gateway_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/config"
)

// slowly has a patience that a test can outlast.
func slowly(c *config.Config) {
	c.Limits.Slow = config.Slow{Header: 300 * time.Millisecond, Idle: 300 * time.Millisecond, Window: 300 * time.Millisecond, Rate: 100}
}

// TestSlowClients ends every connection whose other side does not go on: in the header, in
// a body, between chunks, after an answer.
func TestSlowClients(t *testing.T) {
	t.Parallel()
	h := newHouse(t, slowly)
	address := h.listen()
	token := "Authorization: Bearer " + h.token("analyst")
	const as = "Content-Type: application/json"
	cases := []struct{ name, bytes, want string }{
		{"nothing", "", ""},
		{"half a request line", "GET /heal", "400"},
		{"half a header", "GET /healthz HTTP/1.1\r\nHost: concord.exa", ""},
		{"an answer, and then nothing", head("GET /healthz HTTP/1.1"), "200"},
		{"a body that does not come", head(explainPost, token, as, "Content-Length: 100"), "400"},
		{"a body that stops", head(explainPost, token, as, "Content-Length: 100") + `{"purpose":`, "400"},
		{"chunks that stop", head(explainPost, token, as, "Transfer-Encoding: chunked") + "2\r\n{", "400"},
		{"a body behind an expectation that nobody meets", head(explainPost, "Expect: x", "Content-Length: 100"), "417"},
		{"a body that nobody reads", head(explainPost, "Content-Length: 100") + "{", "401"},
	}
	for _, c := range cases {
		got := speak(t, address, c.bytes)
		if c.want == "" && got != "" || c.want != "" && !strings.HasPrefix(got, "HTTP/1.1 "+c.want+" ") {
			t.Errorf("%s: answered %q, want %q", c.name, got, c.want)
		}
		if c.want == "400" && strings.HasPrefix(c.bytes, explainPost) && !strings.Contains(got, "body-too-slow") {
			t.Errorf("%s: answered %q", c.name, got)
		}
	}
	attacktest.SlowClients.Refused(t, "heads, bodies and readers", len(cases))
}

// TestSlowLine takes a body that comes steadily, however long it takes: here twice
// as long as the gateway waits for one that does not.
func TestSlowLine(t *testing.T) {
	t.Parallel()
	h := newHouse(t, slowly, func(c *config.Config) { c.Limits.Slow.Window, c.Limits.Slow.Rate = time.Second, 20 })
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", h.listen())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	body := `{"purpose":"soc-investigation"` + strings.Repeat(" ", 400) + `}`
	_, _ = io.WriteString(c, head(explainPost, "Authorization: Bearer "+h.token("analyst"), "Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(body)), "Connection: close"))
	begun := time.Now()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for len(body) > 0 {
		<-tick.C
		n := min(20, len(body))
		if _, err := io.WriteString(c, body[:n]); err != nil {
			t.Fatalf("after %v: %v", time.Since(begun), err)
		}
		body = body[n:]
	}
	res, err := http.ReadResponse(newReaderOf(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if took := time.Since(begun); res.StatusCode != http.StatusOK || took < 2*time.Second {
		t.Errorf("status %d after %v", res.StatusCode, took)
	}
}
