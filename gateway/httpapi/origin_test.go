package httpapi

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway/attacktest"
	"github.com/concord-gateway/concord/gateway/fault"
)

// certificateOf makes a certificate, as DER and as a header has it.
func certificateOf(t *testing.T, n int64) (*x509.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(n), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, ":" + base64.StdEncoding.EncodeToString(der) + ":"
}

// TestOrigin believes a proxy that is configured, over TLS or on this machine, and nobody
// else: neither where a request comes from nor whose certificate it bears.
func TestOrigin(t *testing.T) {
	t.Parallel()
	theirs, header := certificateOf(t, 1)
	own, _ := certificateOf(t, 2)
	p := Proxies{Addresses: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("127.0.0.1/32")}, CertHeader: "client-cert"}
	const refused = "-"
	refusals := 0
	for _, c := range []struct {
		name, peer string
		tls        bool
		headers    []string
		client     string
		cert       *x509.Certificate
	}{
		{"direct", "192.0.2.7:1234", true, nil, "192.0.2.7:1234", own},
		{"a stranger says where from", "192.0.2.7:1234", true, []string{"X-Forwarded-For: 198.51.100.1"}, "192.0.2.7:1234", own},
		{"a stranger says who", "192.0.2.7:1234", true, []string{"Client-Cert: " + header}, refused, nil},
		{"a stranger says who, badly", "192.0.2.7:1234", true, []string{"Client-Cert: x"}, refused, nil},
		{"a stranger says nothing", "192.0.2.7:1234", true, []string{"Client-Cert:"}, refused, nil},
		{"a stranger with a chain", "192.0.2.7:1234", true, []string{"Client-Cert-Chain: " + header}, refused, nil},
		{"a stranger through a proxy's address of his own saying", "192.0.2.7:1234", true, []string{"X-Forwarded-For: 10.1.0.9", "Client-Cert: " + header}, refused, nil},
		{"a proxy", "10.1.2.3:1234", true, []string{"X-Forwarded-For: 198.51.100.1", "Client-Cert: " + header}, "198.51.100.1", theirs},
		{"a proxy, as IPv6", "[::ffff:10.1.2.3]:1234", true, []string{"X-Forwarded-For: 198.51.100.1"}, "198.51.100.1", nil},
		{"a proxy without TLS", "10.1.2.3:1234", false, []string{"X-Forwarded-For: 198.51.100.1"}, "10.1.2.3:1234", nil},
		{"a proxy's certificate without TLS", "10.1.2.3:1234", false, []string{"Client-Cert: " + header}, refused, nil},
		{"a proxy on this machine", "127.0.0.1:1234", false, []string{"X-Forwarded-For: 198.51.100.1", "Client-Cert: " + header}, "198.51.100.1", theirs},
		{"another address of this machine", "127.0.0.2:1234", false, []string{"X-Forwarded-For: 198.51.100.1"}, "127.0.0.2:1234", nil},
		{"a proxy's own request, with its own certificate", "10.1.2.3:1234", true, nil, "10.1.2.3:1234", nil},
		{"what the client said before the proxy", "10.1.2.3:1234", true, []string{"X-Forwarded-For: 203.0.113.9, <x>, 198.51.100.1, 10.1.7.7"}, "198.51.100.1", nil},
		{"two lines", "10.1.2.3:1234", true, []string{"X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 2001:db8::1"}, "2001:db8::1", nil},
		{"with a port", "10.1.2.3:1234", true, []string{"X-Forwarded-For: [2001:db8::1]:443"}, "2001:db8::1", nil},
		{"only proxies", "10.1.2.3:1234", true, []string{"X-Forwarded-For: 10.1.0.1, 10.1.0.2"}, "10.1.0.1", nil},
		{"no address", "10.1.2.3:1234", true, []string{"X-Forwarded-For: unknown"}, refused, nil},
		{"an address with a zone", "10.1.2.3:1234", true, []string{"X-Forwarded-For: fe80::1%eth0"}, refused, nil},
		{"nothing", "10.1.2.3:1234", true, []string{"X-Forwarded-For:"}, refused, nil},
		{"two certificates", "10.1.2.3:1234", true, []string{"Client-Cert: " + header, "Client-Cert: " + header}, refused, nil},
		{"two in one", "10.1.2.3:1234", true, []string{"Client-Cert: " + header + ", " + header}, refused, nil},
		{"no byte sequence", "10.1.2.3:1234", true, []string{"Client-Cert: " + strings.Trim(header, ":")}, refused, nil},
		{"with parameters", "10.1.2.3:1234", true, []string{"Client-Cert: " + header + ";a=1"}, refused, nil},
		{"a certificate and more", "10.1.2.3:1234", true, []string{"Client-Cert: " + after2(header)}, refused, nil},
		{"PEM", "10.1.2.3:1234", true, []string{"Client-Cert: -----BEGIN CERTIFICATE----- AAAA"}, refused, nil},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		if c.tls {
			r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{own}}
		}
		for _, h := range c.headers {
			name, value, _ := strings.Cut(h, ":")
			r.Header.Add(name, strings.TrimSpace(value))
		}
		r, err := p.from(r)
		if c.client == refused {
			refusals++
			if !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "MII") {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		got := originOf(r)
		if err != nil || got.client != c.client || (c.cert == nil) != (clientCertificate(r) == nil) || c.cert != nil && !bytes.Equal(c.cert.Raw, clientCertificate(r).Raw) {
			t.Errorf("%s: %+v %v, want %s", c.name, got, err, c.client)
		}
		if len(r.Header) > 0 {
			t.Errorf("%s: what is left is %v", c.name, r.Header)
		}
	}
	attacktest.Impersonation.Refused(t, "certificates and addresses", refusals)
}

// after2 appends two bytes to the certificate of a header.
func after2(header string) string {
	der, _ := base64.StdEncoding.DecodeString(strings.Trim(header, ":"))
	return ":" + base64.StdEncoding.EncodeToString(append(der, 0, 0)) + ":"
}

// TestOriginWithoutProxies refuses every certificate in a header, and takes every address
// away, where nothing is configured.
func TestOriginWithoutProxies(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"Client-Cert", "Client-Cert-Chain"} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set(name, ":AAAA:")
		if _, err := new(Proxies).from(r); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "X-Real-IP"} {
		r.Header.Set(name, "198.51.100.1")
	}
	if r, err := new(Proxies).from(r); err != nil || len(r.Header) > 0 || originOf(r).client != r.RemoteAddr || clientCertificate(r) != nil {
		t.Errorf("%v %v", r.Header, err)
	}
}

// FuzzOrigin reads any headers of a proxy: an address and a certificate, or a typed fault.
func FuzzOrigin(f *testing.F) {
	f.Add("198.51.100.1, 10.1.0.1", ":AAAA:")
	f.Add("[::1]:1,,", "::")
	f.Fuzz(func(t *testing.T, forwarded, cert string) {
		p := Proxies{Addresses: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, CertHeader: "Client-Cert"}
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.TLS = "10.1.0.1:1", &tls.ConnectionState{}
		r.Header["X-Forwarded-For"], r.Header["Client-Cert"] = []string{forwarded}, []string{cert}
		got, err := p.from(r)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Errorf("%v", err)
			}
			return
		}
		if o := originOf(got); !o.addr.IsValid() || o.client != o.addr.String() || o.cert == nil {
			t.Errorf("%+v", o)
		}
	})
}
