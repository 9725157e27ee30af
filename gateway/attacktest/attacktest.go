// Package attacktest names the sorts of attack that the tests make, and what of two
// catalogues each covers: the Application Security Verification Standard 5.0 of OWASP
// (its requirement numbers) and the OWASP API Security Top 10 of 2023.
//
// A test that has seen an attack refused says so with Refused. `make attacks` counts what
// was said and prints the table that SECURITY.md quotes; it fails where the two differ. In
// the gate Refused holds that `make attacks` runs whoever calls it.
package attacktest

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Sort is a sort of attack: a row of the table.
type Sort struct{ Name, ASVS, API string }

// The items of the API Security Top 10 that stand alone most often.
const (
	authentication   = "API2" // broken authentication
	misconfiguration = "API8" // security misconfiguration
)

// The sorts, in the order of the table.
var (
	TokenAlgorithm = Sort{"tokens: algorithm", "9.1.1, 9.1.2", authentication}
	TokenHeader    = Sort{"tokens: keys and types named in the header", "9.1.3, 9.2.2, 1.3.6", "API2, API7"}
	TokenForm      = Sort{"tokens: form and signature", "9.1.1, 1.5.2, 2.2.1", authentication}
	TokenClaims    = Sort{"tokens: issuer, audience, agency, roles", "9.2.3, 10.3.1, 10.3.2", authentication}
	TokenTimes     = Sort{"tokens: times", "9.2.1, 15.3.5", authentication}
	OtherTokens    = Sort{"tokens: of another kind", "9.2.2", authentication}
	TokenSystems   = Sort{"tokens: systems as people, people as systems", "8.2.1", "API5"}
	Certificates   = Sort{"certificate-bound tokens", "10.3.5, 12.1.3", authentication}
	Proofs         = Sort{"DPoP proofs, replays among them", "10.3.5", authentication}
	Presented      = Sort{"ways of presenting a token", "15.3.7, 4.1.3", authentication}
	Revocations    = Sort{"revocations: the list meddled with", "7.4.5, 8.3.2", authentication}
	ProviderKeys   = Sort{"answers of identity providers", "10.5.3, 12.3.2, 15.3.2", "API7, API10"}

	Roles           = Sort{"role, route and object against the separation of duties", "8.2.1, 8.2.2", "API1, API5"}
	OthersObjects   = Sort{"objects of another agency, and absent ones", "8.2.2, 8.4.1", "API1"}
	OtherObject     = Sort{"one object authorised, another meant", "8.2.2, 15.3.7", "API1"}
	Timing          = Sort{"forbidden and absent told apart by time", "8.2.2", "API1"}
	MassAssignment  = Sort{"members that are not the caller's to say", "15.3.3, 8.2.3", "API3"}
	WithheldFields  = Sort{"filters, sorting and counts on what is withheld", "8.2.3, 15.3.1", "API3"}
	Spelling        = Sort{"names in another spelling", "8.2.1, 1.1.1", "API5"}
	AgreementEnd    = Sort{"the second of an agreement's end, over time zones", "8.3.2, 15.3.5", "API3"}
	Paths           = Sort{"encoded paths, methods overridden", "1.1.1, 4.1.4", "API5, API8"}
	Impersonation   = Sort{"headers that say who or where one is", "4.1.3, 15.3.4", "API2, API8"}
	Framing         = Sort{"HTTP: framing", "4.2.1", misconfiguration}
	Malformed       = Sort{"HTTP: malformed requests and targets", "2.2.1, 4.1.4", misconfiguration}
	SlowClients     = Sort{"HTTP: slow clients", "15.2.2, 2.4.1", "API4"}
	Floods          = Sort{"floods beyond the limits", "2.4.1, 15.2.2", "API4, API6"}
	TLS             = Sort{"TLS: versions, suites, certificates", "12.1.1, 12.1.2, 12.1.3", misconfiguration}
	LogInjection    = Sort{"hidden characters in what is logged", "16.4.1", misconfiguration}
	Canaries        = Sort{"personal data looked for in answers and operators' logs", "16.2.5, 16.5.1", "API3"}
	VaultPrivileges = Sort{"the gateway's and the operator's tokens for Vault", "13.2.2, 13.3.2", misconfiguration}
)

// Table is every sort.
var Table = []Sort{
	TokenAlgorithm, TokenHeader, TokenForm, TokenClaims, TokenTimes, OtherTokens, TokenSystems, Certificates, Proofs, Presented,
	Revocations, ProviderKeys,
	Roles, OthersObjects, OtherObject, Timing, MassAssignment, WithheldFields, Spelling, AgreementEnd, Paths, Impersonation,
	Framing, Malformed, SlowClients, Floods, TLS, LogInjection, Canaries, VaultPrivileges,
}

// counting names the variable that has the pattern of the tests that `make attacks` runs.
const counting = "CONCORD_TEST_ATTACKS"

// Refused says that n attacks of a sort were made and each was refused. It fails the test
// where none was made, and says nothing in one that has failed.
func (s Sort) Refused(tb testing.TB, what string, n int) {
	tb.Helper()
	if n <= 0 {
		tb.Fatalf("%s: %s: no attack was made", s.Name, what)
	}
	test, _, _ := strings.Cut(tb.Name(), "/")
	if counted, err := regexp.MatchString(os.Getenv(counting), test); err != nil || !counted {
		tb.Errorf("%s: %s is not among the ATTACKS of the Makefile: %v", s.Name, test, err)
	}
	if !tb.Failed() {
		tb.Logf("ATTACK | %s | %s | %s | %d | %s", s.Name, s.ASVS, s.API, n, printable(what))
	}
}

// printable is a text in which nothing hides, for what is tried is what hides.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '|' {
			return '?'
		}
		return r
	}, s)
}
