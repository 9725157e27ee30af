package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/config"
)

// quick are time-outs that a test can wait for.
func quick(c *config.Config) {
	c.Limits.Slow = config.Slow{Header: 2 * time.Second, Idle: 150 * time.Millisecond, Window: 2 * time.Second, Rate: 100}
}

// listen serves the gateway on a socket, as it is served to the world, and says where.
func (h *house) listen() string {
	h.t.Helper()
	l, err := new(net.ListenConfig).Listen(h.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(h.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- h.gw.Serve(ctx, l) }()
	h.t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			h.t.Errorf("serve: %v", err)
		}
	})
	return l.Addr().String()
}

// patient is how long a test waits for what must come.
const patient = 30 * time.Second

// speak sends bytes as they are, and returns all that is answered until the gateway
// closes the connection. It fails if the gateway does not.
func speak(t testing.TB, address string, bytes ...string) string {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if err := c.SetDeadline(time.Now().Add(patient)); err != nil {
		t.Fatal(err)
	}
	go func() {
		for _, b := range bytes {
			if _, err := io.WriteString(c, b); err != nil {
				return // the gateway need not listen to the end
			}
		}
	}()
	raw, err := io.ReadAll(c)
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		t.Fatalf("the connection stays open; it was answered %q", raw)
	}
	return string(raw)
}

// head is a request without a body.
func head(first string, headers ...string) string {
	return strings.Join(append([]string{first, "Host: concord.example"}, headers...), "\r\n") + "\r\n\r\n"
}

// smuggled is a request that must not be taken for one: it would be answered with 200.
const smuggled = "GET /healthz HTTP/1.1\r\nHost: concord.example\r\n\r\n"

var (
	statusLine = regexp.MustCompile(`HTTP/1\.[01] ([0-9]{3})`)
	aChunk     = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(smuggled), smuggled)
)

// message is what is sent, which may be several requests, and what may come of it.
type message struct {
	name  string
	bytes string
	// want are the statuses of all answers, in order; none means no answer.
	want string
}

const explainPost = "POST /v1/decisions/explain HTTP/1.1"

// framing are attempts to have the end of a request seen in two places.
func framing() []message {
	long := fmt.Sprintf("Content-Length: %d", len(smuggled))
	chunked := "Transfer-Encoding: chunked"
	return []message{
		{"CL.TE", head(explainPost, "Content-Length: 6", chunked) + "0\r\n\r\nG" + smuggled, "401"},
		{"CL.TE, all of it", head(explainPost, fmt.Sprintf("Content-Length: %d", 5+len(smuggled)), chunked) + "0\r\n\r\n" + smuggled, "401"},
		{"TE.CL", head(explainPost, chunked, "Content-Length: 4") + aChunk + smuggled, "401"},
		{"chunks, then another request", head(explainPost, chunked) + "0\r\n\r\n" + smuggled, "401"},
		{"TE.TE, twice", head(explainPost, chunked, chunked, long) + smuggled, "400|501"},
		{"TE.TE, identity too", head(explainPost, chunked, "Transfer-Encoding: identity", long) + smuggled, "400|501"},
		{"TE.TE, list", head(explainPost, "Transfer-Encoding: chunked, identity", long) + smuggled, "501"},
		{"TE.TE, gzip before", head(explainPost, "Transfer-Encoding: gzip, chunked", long) + smuggled, "501"},
		{"TE.TE, unknown", head(explainPost, "Transfer-Encoding: xchunked", long) + smuggled, "501"},
		{"TE.TE, quoted", head(explainPost, `Transfer-Encoding: "chunked"`, long) + smuggled, "501"},
		{"TE.TE, vertical tab", head(explainPost, "Transfer-Encoding: \x0bchunked", long) + smuggled, "400|501"},
		{"TE.TE, other letters", head(explainPost, "Transfer-Encoding: ſchunKed", long) + smuggled, "400|501"},
		{"TE.TE, empty", head(explainPost, "Transfer-Encoding:", long) + smuggled, "400|501"},
		{"TE with a space before the colon", head(explainPost, "Transfer-Encoding : chunked", long) + smuggled, "400"},
		{"TE folded", head(explainPost, "Transfer-Encoding:\r\n chunked", long) + smuggled, "400|401"},
		{"TE with NUL", head(explainPost, "Transfer-Encoding: chunked\x00", long) + smuggled, "400|501"},
		{"TE in HTTP/1.0", strings.Replace(head(explainPost, chunked, long), "HTTP/1.1", "HTTP/1.0", 1) + smuggled, "401"},
		{"bare LF in a chunk's size", head(explainPost, chunked, "Authorization: TOKEN", "Content-Type: application/json") + "2\n{}\r\n0\r\n\r\n" + smuggled, "400"},
		{"bare LF after a chunk", head(explainPost, chunked, "Authorization: TOKEN", "Content-Type: application/json") + "2\r\n{}\n0\r\n\r\n" + smuggled, "400"},
		{"chunk of a negative size", head(explainPost, chunked, "Authorization: TOKEN", "Content-Type: application/json") + "-2\r\n{}\r\n0\r\n\r\n" + smuggled, "400"},
		{"chunk in 0x", head(explainPost, chunked, "Authorization: TOKEN", "Content-Type: application/json") + "0x2\r\n{}\r\n0\r\n\r\n" + smuggled, "400"},
		{"chunk of 2^64", head(explainPost, chunked, "Authorization: TOKEN", "Content-Type: application/json") + "10000000000000002\r\n{}\r\n0\r\n\r\n" + smuggled, "400"},
		{"chunk extension of 1 MB", head(explainPost, chunked, "Authorization: TOKEN", "Content-Type: application/json") + "2;x=" + strings.Repeat("a", 1<<20) + "\r\n{}\r\n0\r\n\r\n" + smuggled, "400"},
		{"CL twice, not alike", head(explainPost, "Content-Length: 0", long) + smuggled, "400"},
		{"CL as a list", head(explainPost, "Content-Length: 0, 0") + smuggled, "400"},
		{"CL with a sign", head(explainPost, "Content-Length: +0") + smuggled, "400"},
		{"CL below zero", head(explainPost, "Content-Length: -1") + smuggled, "400"},
		{"CL in hexadecimal", head(explainPost, "Content-Length: 0x0") + smuggled, "400"},
		{"CL of 2^64", head(explainPost, "Content-Length: 18446744073709551616") + smuggled, "400"},
		{"CL empty", head(explainPost, "Content-Length:") + smuggled, "400"},
		{"CL with a space before the colon", head(explainPost, "Content-Length : 0") + smuggled, "400"},
		{"CL on a route without a body", head("GET /v1/agreements HTTP/1.1", long, "Authorization: TOKEN") + smuggled, "413"},
		{"chunks on a route without a body", head("GET /v1/agreements HTTP/1.1", chunked, "Authorization: TOKEN") + aChunk + smuggled, "413"},
		{"no chunks on a route without a body", head("GET /v1/agreements HTTP/1.1", chunked, "Authorization: TOKEN") + "0\r\n\r\n" + smuggled, "200"},
	}
}

// malformed are messages that are no requests, or name what they want in odd ways.
func malformed() []message {
	authority := "GET /healthz HTTP/1.1\r\n"
	return []message{
		{"NUL in a header", head("GET /healthz HTTP/1.1", "X-A: a\x00b"), "400"},
		{"CR in a header", head("GET /healthz HTTP/1.1", "X-A: a\rX-B: b"), "400"},
		{"NUL in a header's name", head("GET /healthz HTTP/1.1", "X-\x00A: a"), "400"},
		{"a header without a name", head("GET /healthz HTTP/1.1", ": a"), "400"},
		{"a header without a colon", head("GET /healthz HTTP/1.1", "X-A"), "400"},
		{"folded first header", "GET /healthz HTTP/1.1\r\n Host: concord.example\r\n\r\n", "400"},
		{"two spaces in the request line", "GET  /healthz HTTP/1.1\r\nHost: concord.example\r\n\r\n", "400"},
		{"control character in the target", head("GET /health\x01z HTTP/1.1"), "400"},
		{"no such version", head("GET /healthz HTTP/9.9"), "505"},
		{"1 MB of one header", head("GET /healthz HTTP/1.1", "X-A: "+strings.Repeat("a", 1<<20)), "431"},
		{"1 MB of headers", head("GET /healthz HTTP/1.1", strings.Repeat("X-A: a\r\n", 1<<17)+"X-B: b"), "431"},
		{"a target of 1 MB", head("GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1"), "431"},
		{"no Host", authority + "\r\n", "400"},
		{"two Hosts", authority + "Host: concord.example\r\nHost: evil.example\r\n\r\n", "400"},
		{"a Host that is none", authority + "Host: evil.example/<x>\r\n\r\n", "400"},
		{"a user in the target", "GET http://admin:x@concord.example/healthz HTTP/1.1\r\nHost: concord.example\r\nConnection: close\r\n\r\n", "400"},
		{"CONNECT", "CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\nConnection: close\r\n\r\n", "404"},
		{"TRACE", head("TRACE /healthz HTTP/1.1", "Connection: close"), "405"},
		{"OPTIONS *", head("OPTIONS * HTTP/1.1", "Connection: close"), "404"},
		{"HTTP/2 with prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "400"},
		{"an expectation that nobody meets", head("POST /v1/decisions/explain HTTP/1.1", "Expect: 200-ok", "Content-Length: 2") + "{}", "417"},
		{"a body announced, and no token", head(explainPost, "Expect: 100-continue", "Content-Length: 1073741824"), "401"},
		{"a body announced that is too large", head(explainPost, "Expect: 100-continue", "Content-Length: 65537", "Authorization: TOKEN", "Content-Type: application/json"), "413"},
		{"TLS on a plain port", "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n", "400"},
		{"a Client-Cert from a stranger", head("GET /healthz HTTP/1.1", "Client-Cert: :AAAA:", "Connection: close"), "400"},
		{"a Client-Cert-Chain from a stranger", head("GET /healthz HTTP/1.1", "client-cert-chain: :AAAA:", "Connection: close"), "400"},
	}
}

// crooked are other spellings of what only one spelling has, by a caller that may.
func crooked() []message {
	var out []message
	for _, target := range []string{
		"/v1%2fagreements", "/v1%2Fdatasets", "/%2fv1/agreements", "//v1/agreements", "/v1//agreements", "/v1/agreements/", "/v1/./agreements",
		"/v1/datasets/../agreements", "/v1/datasets/%2e%2e/agreements", "/v1/datasets/..%2fagreements", "/v1/datasets/%252e%252e%252fagreements",
		"/v1/agreements%00", "/v1/agreements%0d%0a", "/v1/agreements;x=1", "/v1/agreements%3f", "/V1/agreements", "/v1/%61greements", "/v1\\agreements",
		"/healthz/..%2fv1/agreements", "/v1/agreements%2f..%2f..%2fhealthz", "/%76%31/agreements", "/v1/agreements/%c0%ae%c0%ae/agreements", "/v1%c0%afagreements",
	} {
		out = append(out, message{target, head("GET "+target+" HTTP/1.1", "Authorization: TOKEN", "Connection: close"), "400|404"})
	}
	for _, override := range []string{"X-HTTP-Method-Override: GET", "X-HTTP-Method: GET", "X-Method-Override: GET"} {
		out = append(out, message{override, head("POST /v1/agreements HTTP/1.1", override, "Authorization: TOKEN", "Content-Length: 0", "Connection: close"), "405"})
	}
	for _, header := range []string{"X-Original-URL: /v1/agreements", "X-Rewrite-URL: /v1/agreements"} {
		out = append(out, message{header, head("GET /v1/none HTTP/1.1", header, "Authorization: TOKEN", "Connection: close"), "404"})
	}
	return append(out,
		message{"_method in the query", head("POST /v1/agreements?_method=GET HTTP/1.1", "Authorization: TOKEN", "Content-Length: 0", "Connection: close"), "405"},
		message{"_method in a form", head("POST /v1/agreements HTTP/1.1", "Authorization: TOKEN", "Content-Type: application/x-www-form-urlencoded", "Content-Length: 11", "Connection: close") + "_method=GET", "405"},
		message{"a token in the query", head("GET /v1/agreements?access_token=x HTTP/1.1", "Connection: close"), "401"},
		message{"two Authorization headers", head("GET /v1/agreements HTTP/1.1", "Authorization: TOKEN", "Authorization: TOKEN", "Connection: close"), "401"},
	)
}

// TestHostileHTTP sends what no client sends, over a socket, to a gateway that runs. Each
// is refused with one answer that has the headers of every answer, what follows on the
// connection is not taken for a request, and the next connection is served.
func TestHostileHTTP(t *testing.T) {
	t.Parallel()
	h := newHouse(t, quick)
	address := h.listen()
	token := "Bearer " + h.token("analyst")
	for sort, attacks := range map[attacktest.Sort][]message{attacktest.Framing: framing(), attacktest.Malformed: append(malformed(), crooked()...)} {
		for _, a := range attacks {
			got := speak(t, address, strings.ReplaceAll(a.bytes, "TOKEN", token))
			checkAnswers(t, a, got)
			if again := speak(t, address, head("GET /healthz HTTP/1.1", "Connection: close")); !strings.HasPrefix(again, "HTTP/1.1 200 ") {
				t.Errorf("after %s: %q", a.name, again)
			}
		}
		sort.Refused(t, "over a socket", len(attacks))
	}
	if lines := h.logs.String(); !strings.Contains(lines, `"forwarded-certificate"`) {
		t.Error("the operator is not told of a certificate from a stranger")
	}
}

// checkAnswers holds what came back against what may.
func checkAnswers(t *testing.T, a message, got string) {
	t.Helper()
	all := statusLine.FindAllStringSubmatch(got, -1)
	if len(all) != 1 || !regexp.MustCompile(`^(`+a.want+`)$`).MatchString(all[0][1]) {
		t.Errorf("%s: answered %.300q, want one answer, %s", a.name, got, a.want)
		return
	}
	answer, err := http.ReadResponse(newReader(got), nil)
	if err != nil {
		t.Errorf("%s: %v in %.300q", a.name, err, got)
		return
	}
	defer func() { _ = answer.Body.Close() }()
	checkHeaders(t, a.name, answer.Header)
	body, _ := io.ReadAll(answer.Body)
	for _, theirs := range []string{"evil", "admin", "AAAA", "xchunked", "net/http"} {
		if bytes.Contains(body, []byte(theirs)) {
			t.Errorf("%s: the answer repeats %q: %s", a.name, theirs, body)
		}
	}
}

// checkHeaders checks what every answer says, whoever made it.
func checkHeaders(t *testing.T, name string, h http.Header) {
	t.Helper()
	if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: the headers of the answer are %v", name, h)
	}
	for _, tells := range []string{"Server", "X-Powered-By", "Via"} {
		if h.Get(tells) != "" {
			t.Errorf("%s: the answer tells %s: %s", name, tells, h.Get(tells))
		}
	}
}

// TestHostOfOthers answers who asks by another name, or in the form for proxies, like
// anybody: nothing that is answered depends on the name, or repeats it.
func TestHostOfOthers(t *testing.T) {
	t.Parallel()
	h := newHouse(t, quick)
	address := h.listen()
	for _, request := range []string{
		"GET http://evil.example/readyz HTTP/1.1\r\nHost: concord.example\r\nConnection: close\r\n\r\n",
		"GET /readyz HTTP/1.1\r\nHost: evil.example:99999\r\nConnection: close\r\n\r\n",
		"GET /readyz HTTP/1.1\r\nHost: concord.example\r\nX-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\nConnection: close\r\n\r\n",
		"GET /readyz HTTP/1.1\r\nHost: concord.example\r\nUpgrade: evil.example\r\nConnection: Upgrade, close\r\n\r\n",
		"GET /readyz HTTP/1.1\r\nHost: concord.example\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings, close\r\n\r\n",
	} {
		got := speak(t, address, request)
		if !strings.HasPrefix(got, "HTTP/1.1 200 OK\r\n") || strings.Contains(got, "evil") || strings.Count(got, "HTTP/1.1") != 1 {
			t.Errorf("%q is answered %q", request, got)
		}
	}
	attacktest.Impersonation.Refused(t, "Host, forwarding and upgrade headers without effect", 5)
}

func newReader(s string) *bufio.Reader { return newReaderOf(strings.NewReader(s)) }

func newReaderOf(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }
