package backup_test

import (
	"bytes"
	"testing"

	"github.com/concord-gateway/concord/gateway/audit"
	"github.com/concord-gateway/concord/gateway/fault"
)

// export writes the log as the API exports it.
func (w *world) export() (path string) {
	w.t.Helper()
	var b bytes.Buffer
	if err := audit.WriteExport(w.t.Context(), &b, w.stores.Log); err != nil {
		w.t.Fatal(err)
	}
	return write(w.t, b.Bytes())
}

// TestRestoreWithAnExport takes the newer log from an export, which has no sealed
// parts: they are lost for what is newer than the backup, and kept for the rest.
func TestRestoreWithAnExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("T-1")
	file := w.backup()
	newer := w.submit("T-2")
	w.publish()
	into, res := w.mustRestore(file, w.export())
	if res.Unsealed != res.Newer || res.LeftOut != 0 || len(res.Resubmit) != 1 || len(w.holds(into, "T-1", "T-2")) != 1 {
		t.Errorf("%+v", res)
	}
	w.open(into)
	for i := range *newer.AuditIndex {
		if i < res.Backup.Size {
			if _, err := w.log.OpenPrivate(t.Context(), i); err != nil {
				t.Errorf("the sealed part of entry %d: %v", i, err)
			}
		}
	}
	if _, err := w.log.OpenPrivate(t.Context(), *newer.AuditIndex); !fault.Is(err, fault.Internal) {
		t.Errorf("the sealed part of entry %d: %v", *newer.AuditIndex, err)
	}
}

// TestRestoreWithTheEndOfAnExport leaves out what no checkpoint covers, but never an
// erasure.
func TestRestoreWithTheEndOfAnExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("T-1")
	file := w.backup()
	w.submit("T-2")
	w.publish()
	w.submit("T-3")
	_, res := w.mustRestore(file, w.export())
	if res.LeftOut != 1 || len(res.Resubmit) != 1 {
		t.Errorf("%+v", res)
	}
	w.withdraw("T-1")
	_, err := w.restore(newStores(t), file, w.export())
	wantFault(t, "an erasure that cannot be read", err, fault.Invalid, "records were erased")
}

// TestRestoreWithDamagedExport refuses an export that ends within itself.
func TestRestoreWithDamagedExport(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit("T-1")
	file := w.backup()
	w.submit("T-2")
	w.publish()
	whole := read(t, w.export())
	for _, n := range []int{1, len(whole) / 2, len(whole) - 2} {
		into := newStores(t)
		_, err := w.restore(into, file, write(t, whole[:n]))
		wantFault(t, "cut off", err, fault.Invalid, "")
		wantEmpty(t, into)
	}
}
