package vault

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/hashicorp/vault/api"
)

// Options say where Vault is and who asks.
type Options struct {
	// Address is a URL, https unless Vault is on this machine.
	Address string
	// CAFile holds the certificates (PEM) that Vault's must come from; empty means
	// those of the system.
	CAFile string
	// Namespace is one of Vault Enterprise; empty means none.
	Namespace string
	// Transit and KV are the mounts.
	Transit, KV string
	// AppRole or Kubernetes is how the gateway logs in: exactly one has a mount.
	AppRole    AppRole
	Kubernetes Kubernetes
	// Cache is how long a key is held in memory without Vault.
	Cache time.Duration
	// Timeout bounds each call, with its retries.
	Timeout time.Duration
	Clock   func() time.Time
	Logger  *slog.Logger
}

// AppRole is a login by a role id and a secret id, each in a file.
type AppRole struct{ Mount, RoleIDFile, SecretIDFile string }

// Kubernetes is a login by the token of a service account, which is in a file.
type Kubernetes struct{ Mount, Role, JWTFile string }

// The bounds of what the client does by itself within Options.Timeout.
const (
	retries      = 2
	minRetryWait = 50 * time.Millisecond
	maxRetryWait = time.Second
	dialTimeout  = 3 * time.Second
	// connections is how many are kept open: keys are fetched seldom.
	connections = 4
)

// newClient makes a client that nothing but the options decides about.
func newClient(o Options) (*api.Client, error) {
	transport, err := transportOf(o)
	if err != nil {
		return nil, err
	}
	client, err := api.NewClient(&api.Config{
		Address: o.Address, HttpClient: &http.Client{Transport: straight{transport}},
		Timeout: o.Timeout, MaxRetries: retries, MinRetryWait: minRetryWait, MaxRetryWait: maxRetryWait,
		Backoff: backoff, DisableRedirects: true,
	})
	if err != nil {
		return nil, errors.New("the client for Vault cannot be made: look at the address and at VAULT_ variables of the environment")
	}
	client.ClearToken()
	client.ClearNamespace()
	client.SetHeaders(http.Header{api.RequestHeaderName: {"true"}}) // and none of the environment's
	if o.Namespace != "" {
		client.SetNamespace(o.Namespace)
	}
	return client, nil
}

// straight takes a redirect for a failure. The client would take one that it does not
// follow for success.
type straight struct{ next http.RoundTripper }

var errElsewhere = errors.New("a redirect, which is not followed")

func (s straight) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := s.next.RoundTrip(r)
	if err == nil && res.StatusCode >= http.StatusMultipleChoices && res.StatusCode < http.StatusBadRequest {
		_ = res.Body.Close()
		return nil, errElsewhere
	}
	return res, err
}

// transportOf makes connections that trust what the options say.
func transportOf(o Options) (*http.Transport, error) {
	t := &http.Transport{
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:     &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout: dialTimeout, ForceAttemptHTTP2: true,
		MaxIdleConns: connections, MaxIdleConnsPerHost: connections, IdleConnTimeout: time.Minute,
	}
	if o.CAFile == "" {
		return t, nil
	}
	pem, err := os.ReadFile(o.CAFile)
	if err != nil {
		return nil, err
	}
	t.TLSClientConfig.RootCAs = x509.NewCertPool()
	if !t.TLSClientConfig.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", o.CAFile)
	}
	return t, nil
}

// backoff doubles from attempt to attempt. What Vault or a proxy asks for in
// Retry-After is not ours to promise: the caller waits for Options.Timeout at most.
func backoff(low, high time.Duration, attempt int, _ *http.Response) time.Duration {
	return min(low<<min(attempt, 8), high)
}

// secret reads a file that holds one secret.
func secret(path, what string) (string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%s cannot be read: %w", what, err)
	}
	text := strings.TrimSpace(string(raw))
	if text == "" || strings.ContainsAny(text, " \t\r\n") {
		return "", fmt.Errorf("%s: want one line in %s", what, path)
	}
	return text, nil
}
