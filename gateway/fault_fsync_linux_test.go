package gateway_test

import (
	"net/http"
	"reflect"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/concord-gateway/concord/gateway/store/storetest"
)

// failSyncs has the kernel answer EIO to fsync and fdatasync in all threads of
// this process, for good (seccomp(2)).
func failSyncs() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	const load, jumpEqual, answer = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	filter := []unix.SockFilter{
		{Code: load, K: 0}, // the number of the call is first in struct seccomp_data
		{Code: jumpEqual, K: unix.SYS_FSYNC, Jt: 1},
		{Code: jumpEqual, K: unix.SYS_FDATASYNC, Jf: 1},
		{Code: answer, K: unix.SECCOMP_RET_ERRNO | uint32(unix.EIO)},
		{Code: answer, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	_, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, reflect.ValueOf(prog).Pointer())
	runtime.KeepAlive(prog)
	if errno != 0 {
		return errno
	}
	return nil
}

// TestFaultFsync has the disk fail to sync from some moment on: every request is
// refused, nothing is released, and a gateway that starts on the folder later
// finds a log that verifies and holds all that was acknowledged.
func TestFaultFsync(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.fill()
	p := h.spawn(syncFails, 0)
	question := ask("soc-investigation", rowan())
	var acknowledged []string
	for range 5 {
		r, err := p.ask("analyst", subjectPath, question)
		if err != nil {
			t.Fatal(err)
		}
		r.want(http.StatusOK, nil)
		acknowledged = append(acknowledged, r.header.Get("X-Request-Id"))
	}
	refused := 0
	for n := range 6 {
		headers := []string{}
		if n == 0 {
			headers = []string{faultHeader, "now"}
		}
		persona, path, body := "analyst", subjectPath, any(question)
		if n == 4 {
			persona, path, body = "housing-submitter", submissionsPath("housing.tenancy", housingISA), []map[string]any{tenancy(nobody(), "T-5")}
		}
		r, err := p.ask(persona, path, body, headers...)
		if err != nil {
			t.Fatal(err)
		}
		noData(t, "with a disk that does not sync", r)
		if r.status != http.StatusServiceUnavailable || r.header.Get("Retry-After") == "" {
			t.Errorf("status %d: %s", r.status, r.body)
		}
		refused++
	}
	p.kill()
	if r := h.verify(); !r.OK {
		t.Errorf("%+v", r.Problems)
	}
	h.start()
	for n, id := range acknowledged {
		if !h.logged(id) {
			t.Errorf("answer %d has no entry", n)
		}
	}
	h.call("analyst", http.MethodPost, subjectPath, question).want(http.StatusOK, nil)
	if r := h.verify(); !r.OK {
		t.Errorf("%+v", r.Problems)
	}
	storetest.Tally(t, "fsync error", "sqlite", refused, "refused")
}
