package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/config"
)

// TestLimits changes single keys, and switches single keys off: the others stay as they
// are.
func TestLimits(t *testing.T) {
	t.Parallel()
	c, err := config.Parse([]byte(good + "limits: {address: {rate: 5}, principal: {ask: {rate: 0}, send: {burst: 7}}, concurrent: {heavy: 0}, slow: {window: 5s}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := config.DefaultLimits()
	want.Address.PerSecond, want.Principal.Ask.PerSecond, want.Principal.Send.Burst, want.Concurrent.Heavy = 5, 0, 7, 0
	want.Slow.Window = 5e9
	if diff := cmp.Diff(want, c.Limits); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestLimitsRefused names the key of what is out of bounds.
func TestLimitsRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"limits: {address: {rate: -1}}":                                    "limits.address.rate",
		"limits: {everyone: {rate: .nan}}":                                 "limits.everyone.rate",
		"limits: {agency: {heavy: {rate: 1e9}}}":                           "limits.agency.heavy.rate",
		"limits: {principal: {read: {burst: 0}}}":                          "limits.principal.read.burst",
		"limits: {concurrent: {agency: -1}}":                               "limits.concurrent.agency",
		"limits: {slow: {window: 25h}}":                                    "limits.slow.window",
		"limits: {slow: {header: -1s}}":                                    "limits.slow.header",
		"limits: {slow: {rate: -1}}":                                       "limits.slow.rate",
		"limits: {principal: {reed: {rate: 1}}}":                           "reed",
		"proxies: {addresses: [proxy.example]}":                            "proxies.addresses[0]",
		"proxies: {addresses: [10.0.0.1/24]}":                              "proxies.addresses[0]",
		"proxies: {addresses: [10.0.0.1, 0.0.0.0/0]}":                      "proxies.addresses[1]",
		"proxies: {client_cert_header: Client-Cert}":                       "proxies.client_cert_header",
		`proxies: {addresses: ["::1"], client_cert_header: "a b"}`:         "proxies.client_cert_header",
		`proxies: {addresses: ["::1"], client_cert_header: Authorization}`: "proxies.client_cert_header",
	} {
		if _, err := config.Parse([]byte(good + text + "\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestProductionBehindProxy lets production go without TLS only where nothing but this
// machine can reach it.
func TestProductionBehindProxy(t *testing.T) {
	t.Parallel()
	plain := strings.Replace(good, "tls: {cert: tls/chain.pem, key: /etc/tls/key.pem}\n", "", 1)
	for _, c := range []struct {
		listen, proxies string
		ok              bool
	}{
		{"127.0.0.1:8443", "127.0.0.1", true},
		{"127.0.0.1:8443", "127.0.0.0/8", true},
		{`"[::1]:8443"`, `"::1"`, true},
		{"127.0.0.1:8443", "", false},
		{"127.0.0.1:8443", "127.0.0.1, 10.0.0.1", false},
		{"127.0.0.1:8443", `"::/8"`, false},
		{"localhost:8443", "127.0.0.1", false},
		{"0.0.0.0:8443", "127.0.0.1", false},
		{`":8443"`, "127.0.0.1", false},
		{"10.0.0.1:8443", "127.0.0.1", false},
	} {
		text := strings.Replace(plain, "127.0.0.1:8443", c.listen, 1)
		if c.proxies != "" {
			text += "proxies: {addresses: [" + c.proxies + "]}\n"
		}
		if _, err := config.Parse([]byte(text)); (err == nil) != c.ok {
			t.Errorf("on %s behind %s: %v", c.listen, c.proxies, err)
		}
	}
	if _, err := config.Parse([]byte(strings.Replace(plain, "production: true", "tls: {client_ca: x}", 1))); err == nil {
		t.Error("client_ca without a certificate was taken")
	}
}
