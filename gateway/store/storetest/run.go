// Package storetest is the conformance suite of the storage ports: every
// engine must pass all of it. Each sentence of the ports' documentation has a
// case here, and each case gets a fresh database. There are no flags for
// engines that can do less.
package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/event"
	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/record"
	"github.com/concord-gateway/concord/gateway/spool"
)

// Stores makes the stores of one engine. Each function returns a store over a
// fresh, empty database, which it closes when the test ends.
type Stores struct {
	Records func(t *testing.T) record.Store
	Events  func(t *testing.T) event.Store
	Log     func(t *testing.T) audit.Store
	Spool   func(t *testing.T) spool.Store
}

// Run holds an engine against every port.
func Run(t *testing.T, s Stores) {
	t.Helper()
	t.Run("Records", func(t *testing.T) { Records(t, s.Records) })
	t.Run("Events", func(t *testing.T) { Events(t, s.Events) })
	t.Run("Log", func(t *testing.T) { Log(t, s.Log) })
	t.Run("Spool", func(t *testing.T) { Spool(t, s.Spool) })
}

// errStop is an error of the caller's own.
var errStop = errors.New("the caller has seen enough")

// ref is a keyed hash as the gateway would make it: it looks random, and is
// the same for the same parts.
func ref(parts ...any) record.Ref { return sha256.Sum256(fmt.Append(nil, parts...)) }

// same compares what a store gives back: bytes as a whole, and a list of
// nothing equals no list.
func same() cmp.Options {
	return cmp.Options{
		cmp.Comparer(bytes.Equal),
		cmp.Comparer(func(a, b record.Ref) bool { return a == b }),
		emptyLists[string](), emptyLists[record.Ref](), emptyLists[record.Record](), emptyLists[event.Event](),
	}
}

// emptyLists makes nil and empty lists equal.
func emptyLists[T any]() cmp.Option {
	return cmp.FilterValues(func(a, b []T) bool { return len(a)+len(b) == 0 }, cmp.Ignore())
}

// must fails the test at an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantKind fails the test unless err is a fault of the kind.
func wantKind(t *testing.T, err error, kind fault.Kind) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) || f.Kind != kind {
		t.Fatalf("error is %v, want a fault of kind %q", err, kind)
	}
}

// cancelled returns a context that is over.
func cancelled(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
