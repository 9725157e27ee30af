package vaulttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

// claims are those of the token of a service account that is projected into a pod.
type claims struct {
	Issuer     string           `json:"iss"`
	Subject    string           `json:"sub"`
	Audience   []string         `json:"aud"`
	Expiry     int64            `json:"exp"`
	IssuedAt   int64            `json:"iat"`
	NotBefore  int64            `json:"nbf"`
	ID         string           `json:"jti"`
	Kubernetes kubernetesClaims `json:"kubernetes.io"` //nolint:tagliatelle // Kubernetes names it
}

type kubernetesClaims struct {
	Namespace      string `json:"namespace"`
	ServiceAccount ref    `json:"serviceaccount"`
}

type ref struct {
	Name string `json:"name"`
	UID  string `json:"uid"`
}

// header is that of a token.
type header struct {
	Algorithm string `json:"alg"`
	Key       string `json:"kid"`
}

// signingKey is a key of the API server: one of the two.
type signingKey struct {
	id  string
	rsa *rsa.PrivateKey
	ec  *ecdsa.PrivateKey
}

const (
	rsaBits = 2048
	// half is the length of each number of an ES256 signature (RFC 7518, 3.4).
	half = 32
)

var errToken = errors.New("invalid bearer token")

func newRSAKey(tb testing.TB) signingKey {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, rsaBits)
	if err != nil {
		tb.Fatal(err)
	}
	return signingKey{id: "rs", rsa: key}
}

func newUID() string { return strings.ToLower(rand.Text()) }

// Token is one that the kubelet would write for a service account, for so long; below
// zero it is past. Its signature is RS256, as Kubernetes signs by default.
func (c *Cluster) Token(tb testing.TB, a Account, lasts time.Duration) string {
	tb.Helper()
	return c.make(tb, a, Audience, lasts, c.keys[0])
}

// Reviewer is the token with which Vault asks the API server.
func (c *Cluster) Reviewer(tb testing.TB) string {
	tb.Helper()
	return c.make(tb, reviewer, apiIssuer, time.Hour, c.keys[0])
}

// make makes a token for a service account, signed by a key that may be the cluster's.
func (c *Cluster) make(tb testing.TB, a Account, audience string, lasts time.Duration, key signingKey) string {
	tb.Helper()
	now := time.Now()
	made := now.Add(min(lasts, 0) - leeway)
	return key.sign(tb, claims{
		Issuer: apiIssuer, Subject: a.user(), Audience: []string{audience}, ID: newUID(),
		Expiry: now.Add(lasts).Unix(), IssuedAt: made.Unix(), NotBefore: made.Unix(),
		Kubernetes: kubernetesClaims{a.Namespace, ref{a.Name, c.uid(a)}},
	})
}

func (k signingKey) algorithm() string {
	if k.rsa != nil {
		return "RS256"
	}
	return "ES256"
}

func (k signingKey) sign(tb testing.TB, content claims) string {
	tb.Helper()
	text := part(tb, header{k.algorithm(), k.id}) + "." + part(tb, content)
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	var err error
	if k.rsa != nil {
		signature, err = rsa.SignPKCS1v15(rand.Reader, k.rsa, crypto.SHA256, sum[:])
	} else {
		var r, s *big.Int
		if r, s, err = ecdsa.Sign(rand.Reader, k.ec, sum[:]); err == nil {
			signature = append(r.FillBytes(make([]byte, half)), s.FillBytes(make([]byte, half))...)
		}
	}
	if err != nil {
		tb.Fatal(err)
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func part(tb testing.TB, v any) string {
	tb.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// open returns what a token says, if a key of the cluster signed it.
func (c *Cluster) open(token string) (out claims, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 { //nolint:mnd // RFC 7515, 3.1
		return out, errToken
	}
	var head header
	if err := unpack(parts[0], &head); err != nil {
		return out, err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return out, errToken
	}
	for _, k := range c.keys {
		if k.id == head.Key && k.algorithm() == head.Algorithm && k.signed(parts[0]+"."+parts[1], signature) {
			return out, unpack(parts[1], &out)
		}
	}
	return out, errToken
}

func (k signingKey) signed(text string, signature []byte) bool {
	sum := sha256.Sum256([]byte(text))
	if k.rsa != nil {
		return rsa.VerifyPKCS1v15(&k.rsa.PublicKey, crypto.SHA256, sum[:], signature) == nil
	}
	r, s := new(big.Int), new(big.Int)
	return len(signature) == 2*half && ecdsa.Verify(&k.ec.PublicKey, sum[:], r.SetBytes(signature[:half]), s.SetBytes(signature[half:]))
}

func unpack(part string, into any) error {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || json.Unmarshal(raw, into) != nil {
		return errToken
	}
	return nil
}
