package vaulttest

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Audience is whom the tokens of service accounts are for that log in to Vault.
const Audience = "vault"

const (
	// apiIssuer makes the tokens, and is the audience of those for the API itself.
	apiIssuer = "https://kubernetes.default.svc.cluster.local"
	// reviewPath is asked by whoever has to believe a token.
	reviewPath = "/apis/authentication.k8s.io/v1/tokenreviews"
	// leeway is what the API server forgives a clock.
	leeway = time.Minute
)

// The service account that Vault itself has in a cluster, and its right to ask.
var reviewer = Account{Namespace: "vault", Name: "vault"}

// Account is a service account.
type Account struct{ Namespace, Name string }

func (a Account) user() string { return "system:serviceaccount:" + a.Namespace + ":" + a.Name }

// Cluster stands for the API server of a Kubernetes cluster, which cannot run here: of
// Vault's login by service account it is the one part that is not the real program.
// It serves TokenReview alone, over TLS on loopback, and decides as kube-apiserver
// does: whoever asks must show a token of a service account that may
// (system:auth-delegator), for the API itself; a token is believed when a key of the
// cluster signed it (RS256 or ES256), the cluster is its issuer, it is neither expired
// nor early by more than a minute, one of its audiences was asked for, and its account
// is there under the same uid. Any other is answered as not authenticated, with a
// reason.
type Cluster struct {
	*httptest.Server

	keys []signingKey // by which tokens are made, oldest first

	mu       sync.Mutex         // covers what follows
	accounts map[Account]string // uid of each
	reviews  int
}

// NewCluster makes a cluster with the service account of Vault, which ends with the
// test.
func NewCluster(tb testing.TB) *Cluster {
	tb.Helper()
	c := &Cluster{keys: []signingKey{newRSAKey(tb), {id: "es", ec: newKey(tb)}}, accounts: map[Account]string{}}
	c.Create(reviewer)
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+reviewPath, c.review)
	c.Server = httptest.NewTLSServer(mux)
	tb.Cleanup(c.Close)
	return c
}

// CA is the certificate of the API server.
func (c *Cluster) CA() string { return block("CERTIFICATE", c.Certificate().Raw) }

// Create makes a service account, in the place of one of that name.
func (c *Cluster) Create(a Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accounts[a] = newUID()
}

// Delete takes a service account away. Its tokens are worth nothing from then on.
func (c *Cluster) Delete(a Account) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.accounts, a)
}

// Reviews is how often the API server was asked by somebody who may.
func (c *Cluster) Reviews() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reviews
}

// uid is that of a service account, or nothing.
func (c *Cluster) uid(a Account) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.accounts[a]
}

// tokenReview is one of authentication.k8s.io/v1.
type tokenReview struct {
	APIVersion string       `json:"apiVersion"` //nolint:tagliatelle // Kubernetes names it
	Kind       string       `json:"kind"`
	Spec       reviewSpec   `json:"spec"`
	Status     reviewStatus `json:"status"`
}

type reviewSpec struct {
	Token     string   `json:"token,omitempty"`
	Audiences []string `json:"audiences,omitempty"`
}

type reviewStatus struct {
	Authenticated bool       `json:"authenticated,omitempty"`
	User          reviewUser `json:"user"`
	Audiences     []string   `json:"audiences,omitempty"`
	Error         string     `json:"error,omitempty"`
}

type reviewUser struct {
	Username string   `json:"username,omitempty"`
	UID      string   `json:"uid,omitempty"`
	Groups   []string `json:"groups,omitempty"`
}

// review answers a TokenReview.
func (c *Cluster) review(w http.ResponseWriter, r *http.Request) {
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	asks, _, err := c.believe(bearer, []string{apiIssuer})
	switch {
	case err != nil:
		refuse(w, http.StatusUnauthorized)
		return
	case asks != reviewer:
		refuse(w, http.StatusForbidden)
		return
	}
	var t tokenReview
	if err := json.NewDecoder(r.Body).Decode(&t); err != nil || t.Spec.Token == "" {
		refuse(w, http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	c.reviews++
	c.mu.Unlock()
	wanted := t.Spec.Audiences
	if len(wanted) == 0 {
		wanted = []string{apiIssuer}
	}
	t.Status = reviewStatus{}
	if who, audiences, err := c.believe(t.Spec.Token, wanted); err != nil {
		t.Status.Error = err.Error()
	} else {
		t.Status = reviewStatus{Authenticated: true, Audiences: audiences, User: reviewUser{
			Username: who.user(), UID: c.uid(who), Groups: []string{"system:serviceaccounts", "system:serviceaccounts:" + who.Namespace, "system:authenticated"},
		}}
	}
	answer(w, http.StatusCreated, t)
}

// believe returns whose a token is and which of the wanted audiences it is for.
func (c *Cluster) believe(token string, wanted []string) (Account, []string, error) {
	claims, err := c.open(token)
	if err != nil {
		return Account{}, nil, err
	}
	now, who := time.Now(), Account{claims.Kubernetes.Namespace, claims.Kubernetes.ServiceAccount.Name}
	audiences := slices.DeleteFunc(slices.Clone(wanted), func(a string) bool { return !slices.Contains(claims.Audience, a) })
	switch {
	case claims.Issuer != apiIssuer:
		err = errors.New("invalid bearer token")
	case now.After(time.Unix(claims.Expiry, 0).Add(leeway)):
		err = errors.New("service account token has expired")
	case now.Before(time.Unix(claims.NotBefore, 0).Add(-leeway)):
		err = errors.New("service account token is not valid yet")
	case len(audiences) == 0:
		err = errors.New("token audiences do not intersect with those that are wanted")
	case claims.Subject != who.user():
		err = errors.New("subject and service account differ")
	case claims.Kubernetes.ServiceAccount.UID == "" || c.uid(who) != claims.Kubernetes.ServiceAccount.UID:
		err = errors.New("service account has been deleted")
	}
	return who, audiences, err
}

// refuse answers with a Status of the API. Its reason is written in one word.
func refuse(w http.ResponseWriter, code int) {
	why := strings.ReplaceAll(http.StatusText(code), " ", "")
	answer(w, code, map[string]any{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": why, "message": why, "code": code})
}

func answer(w http.ResponseWriter, code int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_, _ = w.Write(raw)
}
