package edge

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/fault"
)

// authority makes certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	template := &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	c := a.issue(name, template)
	a.cert, a.key = c.Leaf, c.PrivateKey.(*ecdsa.PrivateKey)
	return a
}

// issue makes a certificate, signed by the authority or by itself.
func (a *authority) issue(name string, template *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	template.Subject = pkix.Name{CommonName: name}
	template.SerialNumber = big.NewInt(time.Now().UnixNano())
	template.NotBefore = time.Now().Add(-time.Hour)
	if template.NotAfter.IsZero() {
		template.NotAfter = time.Now().Add(time.Hour)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func (a *authority) server(name string) tls.Certificate {
	return a.issue(name, &x509.Certificate{DNSNames: []string{"concord.example"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
}

func (a *authority) client(name string, change ...func(*x509.Certificate)) tls.Certificate {
	template := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, c := range change {
		c(template)
	}
	return a.issue(name, template)
}

// write puts a certificate and its key in the place of those that are there.
func write(t *testing.T, f Files, c tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	replace(t, f.Cert, "CERTIFICATE", c.Certificate[0])
	replace(t, f.Key, "PRIVATE KEY", key)
}

func replace(t *testing.T, name, kind string, der []byte) {
	t.Helper()
	raw := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(name+".new", raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

// logs gathers what is logged.
type logs struct {
	mu sync.Mutex // guards b
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// site serves over TLS and answers with whom it takes the client for.
type site struct {
	t       *testing.T
	files   Files
	address string
	// servers and clients sign the certificates of each.
	servers, clients *authority
	logs             *logs
}

func newSite(t *testing.T) *site {
	t.Helper()
	dir := t.TempDir()
	s := &site{
		t: t, files: Files{Cert: filepath.Join(dir, "tls.crt"), Key: filepath.Join(dir, "tls.key"), ClientCA: filepath.Join(dir, "ca.crt")},
		servers: newAuthority(t, "servers"), clients: newAuthority(t, "clients"), logs: &logs{},
	}
	write(t, s.files, s.servers.server("first"))
	replace(t, s.files.ClientCA, "CERTIFICATE", s.clients.cert.Raw)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = l.Addr().String()
	srv, err := New(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS == nil {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		for _, c := range r.TLS.PeerCertificates {
			_, _ = io.WriteString(w, c.Subject.CommonName)
		}
	}), Config{TLS: s.files, Header: time.Second, Read: time.Second, Idle: 5 * time.Second, HeaderBytes: 4096, Logger: slog.New(slog.NewJSONHandler(s.logs, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve() }()
	t.Cleanup(func() {
		_ = srv.Shutdown(context.WithoutCancel(t.Context()))
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("%v", err)
		}
	})
	return s
}

// dial shakes hands as a client that trusts the site; change may alter how. The first
// read ends the handshake of TLS 1.3, in which the server may still refuse the client.
func (s *site) dial(change func(*tls.Config)) (*tls.Conn, error) {
	c := &tls.Config{ServerName: "concord.example", RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS10}
	c.RootCAs.AddCert(s.servers.cert)
	if change != nil {
		change(c)
	}
	conn, err := (&tls.Dialer{Config: c}).DialContext(s.t.Context(), "tcp", s.address)
	if err != nil {
		return nil, err
	}
	encrypted, _ := conn.(*tls.Conn)
	return encrypted, encrypted.SetDeadline(time.Now().Add(30 * time.Second))
}

// ask sends a request and returns the whole answer.
func (s *site) ask(request string, change func(*tls.Config)) (string, error) {
	c, err := s.dial(change)
	if err != nil {
		return "", err
	}
	defer func() { _ = c.Close() }()
	if _, err := io.WriteString(c, request); err != nil {
		return "", err
	}
	raw, err := io.ReadAll(c)
	return string(raw), err
}

const plainGet = "GET / HTTP/1.1\r\nHost: concord.example\r\nConnection: close\r\n\r\n"

// shows is a client that shows a certificate whatever the server asks for.
func shows(cert tls.Certificate) func(*tls.Config) {
	return func(c *tls.Config) {
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &cert, nil }
	}
}

// TestHandshake speaks TLS 1.3 and 1.2 with the suites that are safe, and nothing else.
func TestHandshake(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	only := func(v uint16, suites ...uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MinVersion, c.MaxVersion, c.CipherSuites = v, v, suites }
	}
	conn, err := s.dial(nil)
	if err != nil || conn.ConnectionState().Version != tls.VersionTLS13 {
		t.Fatalf("what is preferred: %v", err)
	}
	_ = conn.Close()
	for _, suite := range []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256} {
		if got, err := s.ask(plainGet, only(tls.VersionTLS12, suite)); err != nil || !strings.HasPrefix(got, "HTTP/1.1 200") {
			t.Errorf("%s: %q %v", tls.CipherSuiteName(suite), got, err)
		}
	}
	bad := map[string]func(*tls.Config){
		"TLS 1.0": only(tls.VersionTLS10), "TLS 1.1": only(tls.VersionTLS11),
		"CBC":                only(tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA),
		"RSA key exchange":   only(tls.VersionTLS12, tls.TLS_RSA_WITH_AES_128_GCM_SHA256),
		"3DES and RC4":       only(tls.VersionTLS12, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA),
		"HTTP/2 and no less": func(c *tls.Config) { c.NextProtos = []string{"h2"} },
	}
	for name, change := range bad {
		if got, err := s.ask(plainGet, change); err == nil {
			t.Errorf("%s was spoken: %q", name, got)
		}
	}
	attacktest.TLS.Refused(t, "versions, suites and protocols", len(bad))
	if got, err := s.ask(plainGet, func(c *tls.Config) { c.NextProtos = []string{"h2", "http/1.1"} }); err != nil || !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("HTTP/2 or less: %q %v", got, err)
	}
}

// TestClientCertificates takes the certificates of the authority and no others, and lets
// in who shows none: whether one is needed is not decided here.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	other := newAuthority(t, "clients") // by the same name
	if got, err := s.ask(plainGet, nil); err != nil || !strings.HasPrefix(got, "HTTP/1.1 200") {
		t.Errorf("without: %q %v", got, err)
	}
	if got, err := s.ask(plainGet, shows(s.clients.client("housing-nightly"))); err != nil || !strings.HasSuffix(got, "housing-nightly") {
		t.Errorf("with: %q %v", got, err)
	}
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }
	forServers := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }
	stolen := s.clients.client("housing-nightly")
	stolen.PrivateKey = other.key
	bad := map[string]tls.Certificate{
		"another authority": other.client("housing-nightly"), "by itself": (&authority{t: t}).client("housing-nightly"),
		"expired": s.clients.client("housing-nightly", expired), "of a server": s.clients.client("housing-nightly", forServers),
		"without its key": stolen,
	}
	for name, cert := range bad {
		if got, err := s.ask(plainGet, shows(cert)); err == nil {
			t.Errorf("a certificate of %s: %q", name, got)
		}
	}
	attacktest.TLS.Refused(t, "client certificates", len(bad))
}

// TestReload follows files that are replaced, and keeps the last good ones.
func TestReload(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	now := time.Now()
	log := slog.New(slog.NewJSONHandler(s.logs, nil))
	f, err := load(s.files, func() time.Time { now = now.Add(2 * lookEvery); return now }, log)
	if err != nil {
		t.Fatal(err)
	}
	leaf := func() string {
		t.Helper()
		c, err := f.config(nil)
		if err != nil {
			t.Fatal(err)
		}
		return c.Certificates[0].Leaf.Subject.CommonName
	}
	first, _ := f.config(nil)
	if again, _ := f.config(nil); again != first {
		t.Error("files that are the same were read again")
	}
	next := s.servers.server("second, with a name that is longer")
	replace(t, s.files.Cert, "CERTIFICATE", next.Certificate[0]) // and not yet its key
	if got := leaf(); got != "first" {
		t.Errorf("a certificate without its key: %s", got)
	}
	leaf()
	if n := strings.Count(s.logs.String(), "cannot be used"); n != 1 {
		t.Errorf("the operator is told %d times", n)
	}
	write(t, s.files, next)
	if got := leaf(); got != "second, with a name that is longer" {
		t.Errorf("replaced: %s", got)
	}
	before, _ := f.config(nil)
	if err := os.WriteFile(s.files.ClientCA, []byte("none"), 0o600); err != nil {
		t.Fatal(err)
	}
	if after, _ := f.config(nil); after != before || after.ClientCAs == nil {
		t.Error("authorities that cannot be read took the place of those that could")
	}
	if err := os.Remove(s.files.ClientCA); err != nil {
		t.Fatal(err)
	}
	if after, _ := f.config(nil); after != before || after.ClientAuth != tls.VerifyClientCertIfGiven {
		t.Error("without authorities anybody is taken")
	}
	if _, err := load(s.files, time.Now, log); !fault.Is(err, fault.Invalid) {
		t.Errorf("a start without authorities: %v", err)
	}
}

// TestOwnAnswers gives the headers of every answer to what net/http answers itself, over
// TLS too, and leaves those of the handler alone.
func TestOwnAnswers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const have = "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
	for request, status := range map[string]string{
		"GET\r\n\r\n": "400", "GET / HTTP/1.1\r\n\r\n": "400", "GET / HTTP/3.1\r\nHost: x\r\n\r\n": "505",
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("a", 16<<10) + "\r\n\r\n":   "431",
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n":                    "501",
		"POST / HTTP/1.1\r\nHost: x\r\nExpect: x\r\nContent-Length: 1\r\n\r\n":          "417",
		"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\nGET\r\n\r\n": "200",
	} {
		got, err := s.ask(request, nil)
		if err != nil || !strings.HasPrefix(got, "HTTP/1.1 "+status+" ") || strings.Count(got, have) != 1 {
			t.Errorf("%.60q is answered %.300q %v", request, got, err)
		}
	}
	if got, err := s.ask(plainGet, nil); err != nil || strings.Contains(got, have) {
		t.Errorf("an answer of the handler's own: %q %v", got, err)
	}
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	_, _ = io.WriteString(c, plainGet)
	if raw, _ := io.ReadAll(c); bytes.Contains(raw, []byte("HTTP/1.1 200")) {
		t.Errorf("plain HTTP is answered %q", raw)
	}
	for line := range strings.Lines(s.logs.String()) {
		if !strings.HasPrefix(line, "{") {
			t.Errorf("a line of the log is %q", line)
		}
	}
}
