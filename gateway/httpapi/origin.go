package httpapi

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Proxies are the peers that may speak for others. There are none by default.
//
// What a proxy says is believed when it comes from one of the addresses, over TLS or on
// this machine. From anybody else
//   - a header with a client certificate is refused: nobody sends one by mistake, and to
//     pass it over in silence would tell an attacker nothing but also the operator of a
//     proxy whose address is missing here nothing;
//   - what says where a request came from (X-Forwarded-*, Forwarded, X-Real-Ip) is taken
//     away: agencies' own proxies add it in good faith, and must not be locked out by it.
type Proxies struct {
	// Addresses are those that proxies connect from.
	Addresses []netip.Prefix
	// CertHeader is the header in which they give the certificate of the client, as RFC
	// 9440 has it; empty means that they give none.
	CertHeader string
}

// origin is where a request comes from.
type origin struct {
	// client is what the log says of it.
	client string
	addr   netip.Addr
	// cert is the certificate that the client has proved to hold, or nil.
	cert *x509.Certificate
}

type originKey struct{}

// originOf returns where the request comes from: what from found out, or else the peer.
func originOf(r *http.Request) origin {
	if o, ok := r.Context().Value(originKey{}).(origin); ok {
		return o
	}
	return direct(r)
}

// direct is the origin of a request that no proxy has passed on.
func direct(r *http.Request) origin {
	o := origin{client: r.RemoteAddr}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		o.addr = peer.Addr().Unmap()
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		o.cert = r.TLS.PeerCertificates[0]
	}
	return o
}

// from finds out where a request comes from, and takes every header away that says so:
// nothing behind this reads one. The request that it returns is the one to go on with.
func (p *Proxies) from(r *http.Request) (*http.Request, error) {
	o := direct(r)
	trusted := p.covers(o.addr) && (r.TLS != nil || o.addr.IsLoopback())
	cert, err := p.certificate(r.Header, trusted)
	if err != nil {
		return r, err
	}
	forwarded := r.Header.Values("X-Forwarded-For")
	strip(r.Header)
	if !trusted {
		return r, nil
	}
	// The certificate of the connection is the proxy's own, and no client's.
	if o.cert = cert; len(forwarded) > 0 {
		if o.addr, err = p.client(forwarded); err != nil {
			return r, err
		}
		o.client = o.addr.String()
	}
	return r.WithContext(context.WithValue(r.Context(), originKey{}, o)), nil
}

func (p *Proxies) covers(a netip.Addr) bool {
	return slices.ContainsFunc(p.Addresses, func(n netip.Prefix) bool { return n.Contains(a) })
}

// strip takes away what says where a request came from.
func strip(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, "X-Forwarded-") || name == "Forwarded" || name == "X-Real-Ip" {
			delete(h, name)
		}
	}
}

// client is the last address that was not a proxy's. Those before it are what the client
// itself has sent, and nobody looks at them.
func (p *Proxies) client(forwarded []string) (addr netip.Addr, err error) {
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	for _, hop := range slices.Backward(hops) {
		hop = strings.TrimSpace(hop)
		addr, err = netip.ParseAddr(hop)
		if err != nil {
			var with netip.AddrPort
			with, err = netip.ParseAddrPort(hop)
			addr = with.Addr()
		}
		if err != nil || addr.Zone() != "" {
			return netip.Addr{}, badHeader("The header X-Forwarded-For does not hold addresses.", "forwarded-for")
		}
		if addr = addr.Unmap(); !p.covers(addr) {
			return addr, nil
		}
	}
	return addr, nil
}

// certificate reads the certificate of a client from the header of a proxy, a structured
// byte sequence (RFC 9440 section 2.2, RFC 9651 section 3.3.5).
func (p *Proxies) certificate(h http.Header, trusted bool) (*x509.Certificate, error) {
	name := http.CanonicalHeaderKey(p.CertHeader)
	for _, other := range []string{name, "Client-Cert", "Client-Cert-Chain"} {
		if other != "" && len(h.Values(other)) > 0 && (!trusted || other != name && (other != "Client-Cert-Chain" || name == "")) {
			return nil, badHeader("A client certificate in a header is taken from a proxy that is configured, and from nobody else.", "forwarded-certificate")
		}
	}
	if name == "" {
		return nil, nil
	}
	values := h.Values(name)
	h.Del(name)
	if len(values) == 0 {
		return nil, nil
	}
	encoded, ok := strings.CutPrefix(strings.Trim(values[0], " "), ":")
	encoded, end := strings.CutSuffix(encoded, ":")
	der, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ok || !end || err != nil || len(values) > 1 || strings.ContainsAny(encoded, "\r\n") {
		return nil, badHeader("The header with the client certificate is not one byte sequence.", "forwarded-certificate")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil || !bytes.Equal(cert.Raw, der) {
		return nil, badHeader("The header with the client certificate holds none.", "forwarded-certificate")
	}
	return cert, nil
}

// badHeader is the refusal of a header. It does not repeat it, and does not keep what the
// parser says, which might.
func badHeader(message, code string) error {
	return fault.New(fault.Invalid, "httpapi.origin", message).WithCode(code)
}
