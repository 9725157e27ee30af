package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
)

// Proxies names who may speak for others. What a proxy says is believed when it connects
// from one of the addresses over TLS, or from this machine.
type Proxies struct {
	// Addresses are those that the proxies connect from: addresses, or networks as in
	// 10.1.2.0/24.
	Addresses []string `yaml:"addresses"`
	// ClientCertHeader is the header in which they give the certificate of the client
	// (RFC 9440: Client-Cert). Empty means that they give none. A proxy has to take away
	// what the client itself sends under this name.
	ClientCertHeader string `yaml:"client_cert_header"`
}

// Networks are the addresses as they are compared with.
func (p *Proxies) Networks() ([]netip.Prefix, error) {
	out := make([]netip.Prefix, len(p.Addresses))
	for i, text := range p.Addresses {
		n, err := netip.ParsePrefix(text)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(text); err == nil {
				n, err = a.Unmap().Prefix(a.Unmap().BitLen())
			}
		}
		if err != nil || n.Masked() != n || n.Bits() == 0 || n.Addr().Is4In6() {
			return nil, fmt.Errorf("proxies.addresses[%d]: want an address, or a network that begins where its bits do", i)
		}
		out[i] = n
	}
	return out, nil
}

// headerName reports whether a header may be called so (RFC 9110 section 5.1), and means
// nothing else here.
func headerName(name string) bool {
	switch strings.ToLower(name) {
	case "authorization", "connection", "content-length", "dpop", "host", "transfer-encoding", "x-forwarded-for":
		return false
	}
	return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{2,63}$`).MatchString(name)
}

func (p *Proxies) check() error {
	if _, err := p.Networks(); err != nil {
		return err
	}
	switch {
	case p.ClientCertHeader == "":
	case !headerName(p.ClientCertHeader):
		return errors.New("proxies.client_cert_header: want the name of a header")
	case len(p.Addresses) == 0:
		return errors.New("proxies.client_cert_header: does nothing without proxies.addresses")
	}
	return nil
}

// behindProxy reports whether the gateway can be reached by proxies of this machine only:
// it listens on an address of the machine itself, and has no other proxies. Then, and
// only then, production may go without TLS: nothing leaves the machine that is not
// encrypted by the proxy.
func (c *Config) behindProxy() bool {
	host, _, err := net.SplitHostPort(c.Listen)
	at, notAddress := netip.ParseAddr(host) // a name may come to mean something else
	networks, wrong := c.Proxies.Networks()
	if err != nil || notAddress != nil || wrong != nil || !at.IsLoopback() || len(networks) == 0 {
		return false
	}
	for _, n := range networks {
		// A network of which the first address and the length are the machine's own has
		// no other addresses.
		const own4, own6 = 8, 128
		if !n.Addr().IsLoopback() || n.Addr().Is4() && n.Bits() < own4 || n.Addr().Is6() && n.Bits() < own6 {
			return false
		}
	}
	return true
}
