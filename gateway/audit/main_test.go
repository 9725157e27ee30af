package audit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/keyring/local"
	"github.com/concord-gateway/concord/gateway/store/sqlite"
)

const origin = "concord.example/log"

func TestMain(m *testing.M) {
	crashChild()
	sharedChild()
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("database/sql.(*DB).connectionOpener"))
}

// now is when the tests happen.
var now = time.Date(2026, 11, 3, 10, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant

// house is a data folder with its keys: what survives a restart.
type house struct {
	tb   testing.TB
	dir  string
	keys *local.Ring
	db   *sqlite.DB
	// store, where it is set, holds the log instead of db.
	store audit.Store
}

func newHouse(tb testing.TB) *house {
	tb.Helper()
	h := &house{tb: tb, dir: tb.TempDir()}
	var err error
	if h.keys, err = local.Open(h.dir + "/keys"); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = h.keys.Close() })
	h.db = h.openDB()
	return h
}

func (h *house) openDB() *sqlite.DB {
	h.tb.Helper()
	db, err := sqlite.Open(context.Background(), h.dir+"/data", sqlite.Options{})
	if err != nil {
		h.tb.Fatal(err)
	}
	h.tb.Cleanup(func() { _ = db.Close() })
	return db
}

// log is the store of the log.
func (h *house) log() audit.Store {
	if h.store != nil {
		return h.store
	}
	return h.db.Log()
}

func (h *house) config() audit.Config {
	return audit.Config{
		Store: h.log(), Keys: h.keys, Origin: origin,
		Clock: func() time.Time { return now },
	}
}

// open opens the log with cfg changed by change; it is closed with the test.
func (h *house) open(change ...func(*audit.Config)) *audit.Log {
	h.tb.Helper()
	cfg := h.config()
	for _, f := range change {
		f(&cfg)
	}
	l, err := audit.Open(context.Background(), cfg)
	if err != nil {
		h.tb.Fatal(err)
	}
	h.tb.Cleanup(func() { _ = l.Close(context.Background()) })
	return l
}

// vkey is the verifier key of the house's log.
func (h *house) vkey() string {
	h.tb.Helper()
	signer, err := h.keys.Signer(context.Background(), "log")
	if err != nil {
		h.tb.Fatal(err)
	}
	vkey, err := audit.VKey(origin, signer.Public())
	if err != nil {
		h.tb.Fatal(err)
	}
	return vkey
}

// verify verifies the log of the house.
func (h *house) verify(since []byte) audit.Report {
	h.tb.Helper()
	return verify(h.tb, audit.StoreSource(h.log()), h.vkey(), since)
}

func verify(tb testing.TB, source audit.Source, vkey string, since []byte) audit.Report {
	tb.Helper()
	report, err := audit.Verify(context.Background(), source, audit.VerifyOptions{Keys: []string{vkey}, Since: since})
	if err != nil {
		tb.Fatal(err)
	}
	return report
}

// wantOK fails unless the report finds nothing.
func wantOK(tb testing.TB, r audit.Report) {
	tb.Helper()
	if !r.OK || r.FirstBad != nil {
		tb.Fatalf("the log does not verify: %+v", r.Problems)
	}
}

// request is what one look at a person logs: one entry for the request, and one
// for each provider.
func request(n int, providers ...string) audit.Request {
	r := audit.Request{
		ID:    fmt.Sprintf("request-%06d", n),
		Actor: audit.Actor{Agency: "west-mercia-police", Subject: "analyst-" + strconv.Itoa(n%7), Roles: []string{"analyst"}},
		Time:  now.Add(time.Duration(n) * time.Millisecond),
		Drafts: []audit.Draft{{
			Action: audit.Consult, Purpose: "soc-investigation", PolicyRevision: "sha256:6f2c1a",
			ResponseSHA256: "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
			Private: audit.Private{
				CaseRef: "OP-LANTERN", Client: "127.0.0.1", Justification: "Linked to the lantern enquiry by a named associate.",
				Facts:       json.RawMessage(`{"actor":{"agency":"west-mercia-police"},"request":{"purpose":"soc-investigation"}}`),
				SubjectRefs: []string{fmt.Sprintf("%064x", n)},
			},
		}},
	}
	for _, provider := range providers {
		r.Drafts = append(r.Drafts, disclosure(provider))
	}
	return r
}

func disclosure(provider string) audit.Draft {
	return audit.Draft{
		Action: audit.Disclose, Provider: provider, Purpose: "soc-investigation", PolicyRevision: "sha256:6f2c1a",
		Recipients: []string{"west-mercia-police"},
		Released: []audit.Released{{
			Agreement: "ISA-2026-001", Version: 2, Dataset: "housing.tenancy", Records: 1,
			Fields: map[string]string{"/uprn": "full", "/date_of_birth": "year", "/tenancy/type": "full"},
			Basis:  audit.Basis{Provider: "uk-gdpr-6-1-e", Recipient: "dpa-2018-part-3-s35"},
		}},
		Withheld:       []audit.Withheld{{Dataset: "housing.tenancy", Code: "not-named", Fields: []string{"/ethnicity"}}},
		SectionsSHA256: "3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8551",
	}
}

func mustAppend(tb testing.TB, l *audit.Log, r audit.Request) audit.Receipt {
	tb.Helper()
	receipt, err := l.Append(context.Background(), r)
	if err != nil {
		tb.Fatal(err)
	}
	return receipt
}
