package provider

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/identity"
)

// The limits of a fetch: of both its requests together.
const (
	fetchTimeout = 5 * time.Second
	maxAnswer    = 1 << 20
	maxHeader    = 64 << 10
	maxRedirects = 3
)

func newClient(o Options) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: maxHeader,
			MaxConnsPerHost:        2,
			IdleConnTimeout:        time.Minute,
		},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			first := via[0].URL
			if len(via) > maxRedirects || next.URL.Scheme != first.Scheme || !strings.EqualFold(next.URL.Host, first.Host) {
				return errors.New("a redirect to elsewhere, or too many")
			}
			return nil
		},
	}
}

// fetch returns the keys that the provider has now.
func (k *Keys) fetch(ctx context.Context) (identity.KeySet, error) {
	at := k.o.KeysURL
	if at == "" {
		raw, err := k.get(ctx, identity.DiscoveryURL(k.o.Issuer))
		if err != nil {
			return nil, err
		}
		if at, err = identity.ParseDiscovery(raw, k.o.Issuer); err != nil {
			return nil, err
		}
	}
	raw, err := k.get(ctx, at)
	if err != nil {
		return nil, err
	}
	return identity.ParseFetchedJWKS(raw)
}

// get fetches one document. Its errors name the address, which is no secret, and
// nothing of the answer.
func (k *Keys) get(ctx context.Context, raw string) ([]byte, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || !k.allowed(u) {
		return nil, fault.New(fault.Invalid, "provider.fetch", "The keys of an identity provider are fetched over https only.")
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, unavailable(err)
	}
	req.Header.Set("Accept", "application/json")
	res, err := k.client.Do(req)
	if err != nil {
		return nil, unavailable(err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, unavailable(fmt.Errorf("status %d of %s", res.StatusCode, u.Redacted()))
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, unavailable(err)
	case len(body) > maxAnswer:
		return nil, unavailable(errors.New("an answer of more than 1 MiB"))
	}
	return body, nil
}

// allowed reports whether keys may be fetched by the scheme of an address.
func (k *Keys) allowed(u *url.URL) bool {
	if u.Scheme == "http" && k.o.Loopback {
		ip := net.ParseIP(u.Hostname())
		return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	}
	return u.Scheme == "https"
}
