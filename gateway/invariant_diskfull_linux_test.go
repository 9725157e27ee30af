package gateway_test

import (
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/concord-gateway/concord/gateway/store/sqlite"
	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// limitFiles lets no file of the process grow beyond size, as a full disk does,
// until the returned function is called.
func limitFiles(t *testing.T, size int64) (lift func()) {
	t.Helper()
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(size), Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Fatal(err)
		}
	}
}

// TestInvariant01DiskFull lets the disk run full at every point of writing the
// entry of an answer: before it, half-way through it, and just before its end.
// Each time there is an error and no data; once there is room, the gateway goes
// on, and the log verifies. It does not run beside other tests, since the limit
// is the process's.
func TestInvariant01DiskFull(t *testing.T) {
	signal.Ignore(syscall.SIGXFSZ) // so that a write fails instead of the process
	defer signal.Reset(syscall.SIGXFSZ)
	h := newHouse(t)
	h.fill()
	question := ask("soc-investigation", rowan())
	h.call("analyst", http.MethodPost, subjectPath, question).want(http.StatusOK, nil)
	wal := filepath.Join(h.cfg.DataDir, sqlite.FileName+"-wal")
	failures := 0
	for room := int64(0); ; room += 1800 { // less than half a page of the write-ahead log
		if room > 1<<20 {
			t.Fatal("the entry does not fit into a MiB")
		}
		info, err := os.Stat(wal)
		if err != nil {
			t.Fatal(err)
		}
		lift := limitFiles(t, info.Size()+room)
		r := h.call("analyst", http.MethodPost, subjectPath, question)
		lift()
		if r.status == http.StatusOK {
			break
		}
		failures++
		noData(t, "no room", r)
		if r.status != http.StatusServiceUnavailable {
			t.Errorf("with %d bytes of room: status %d", room, r.status)
		}
	}
	if failures < 3 {
		t.Errorf("the disk was full %d times only", failures)
	}
	lift := limitFiles(t, 0)
	submitted := h.call("housing-submitter", http.MethodPost, submissionsPath("housing.tenancy", "ISA-TH-WMP-001"), []map[string]any{tenancy(nobody(), "T-7")})
	lift()
	noData(t, "submission", submitted)
	h.call("analyst", http.MethodPost, subjectPath, question).want(http.StatusOK, nil)
	if r := h.verify(); !r.OK {
		t.Errorf("%+v", r)
	}
	h.restart()
	if r := h.verify(); !r.OK {
		t.Errorf("after a restart: %+v", r)
	}
	for _, e := range h.entries("&action=disclose") {
		if !strings.HasPrefix(e.Entry.Purpose, "soc-") {
			t.Errorf("%+v", e)
		}
	}
	storetest.Tally(t, "disk full", "sqlite", failures+1, "refused, then verified")
}
