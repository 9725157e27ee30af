package vaulttest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The files of a Vault that serves TLS, and the one that holds its process's id.
const (
	certFile = "tls.crt"
	keyFile  = "tls.key"
	pidFile  = "vault.pid"
)

// Authority signs certificates.
type Authority struct {
	// File holds its own certificate.
	File string

	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

// Certificate says what a server's certificate is: who signed it, for which names or
// addresses, and until when. From the day before that it was valid.
type Certificate struct {
	By    *Authority
	Names []string
	Until time.Time
}

// NewAuthority makes an authority, and a file with its certificate.
func NewAuthority(tb testing.TB) *Authority {
	tb.Helper()
	a := &Authority{File: filepath.Join(tb.TempDir(), "ca.crt"), key: newKey(tb)}
	template := &x509.Certificate{
		SerialNumber: serial(tb), Subject: pkix.Name{CommonName: "vault.example authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		tb.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		tb.Fatal(err)
	}
	save(tb, a.File, block("CERTIFICATE", der))
	return a
}

// issue makes a certificate and its key in a folder, and returns the certificate.
func (c Certificate) issue(tb testing.TB, dir string) []byte {
	tb.Helper()
	key := newKey(tb)
	template := &x509.Certificate{
		SerialNumber: serial(tb), Subject: pkix.Name{CommonName: "vault.example"},
		NotBefore: c.Until.Add(-24 * time.Hour), NotAfter: c.Until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range c.Names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.By.cert, &key.PublicKey, c.By.key)
	if err != nil {
		tb.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	save(tb, filepath.Join(dir, certFile), block("CERTIFICATE", der))
	save(tb, filepath.Join(dir, keyFile), block("PRIVATE KEY", private))
	return der
}

// StartTLS returns a Vault for one test, which serves TLS. The certificate has to be
// good: the test asks it by itself.
func StartTLS(tb testing.TB, c Certificate) *Server {
	tb.Helper()
	dir := tb.TempDir()
	c.issue(tb, dir)
	return start(tb, setup{dir: dir, client: c.By.client(), tls: true})
}

// client believes what the authority has signed.
func (a *Authority) client() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: a.config()}}
}

func (a *Authority) config() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
}

// Exchange gives Vault another certificate while it runs, as its operator does: new
// files, then a SIGHUP. It returns when Vault shows the new one.
func (s *Server) Exchange(tb testing.TB, c Certificate) {
	tb.Helper()
	der := c.issue(tb, s.dir)
	if err := s.signal(syscall.SIGHUP); err != nil {
		tb.Fatal(err)
	}
	deadline := time.After(startTimeout)
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for !bytes.Equal(c.By.shown(s), der) {
		select {
		case <-deadline:
			tb.Fatal("Vault does not show its new certificate")
		case <-tick.C:
		}
	}
}

func (s *Server) signal(what os.Signal) error {
	raw, err := os.ReadFile(s.file(pidFile))
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return err
	}
	process, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return process.Signal(what)
}

// shown is the certificate that a Vault shows, believed or not.
func (a *Authority) shown(s *Server) []byte {
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.Address, "https://"), a.config()) //nolint:noctx // loopback
	if no, ok := errors.AsType[*tls.CertificateVerificationError](err); ok && len(no.UnverifiedCertificates) > 0 {
		return no.UnverifiedCertificates[0].Raw
	}
	if err != nil {
		return nil
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Raw
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func serial(tb testing.TB) *big.Int {
	tb.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(1<<62)) //nolint:mnd // positive, and no two alike
	if err != nil {
		tb.Fatal(err)
	}
	return n
}

func block(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
