package gateway_test

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/concord-gateway/concord/gateway"
)

// BenchmarkSoakStart starts the gateway on a folder of 100,000 records, and
// reports how long that takes and what it holds in memory afterwards: at most a
// second and 200 MB.
func BenchmarkSoakStart(b *testing.B) {
	h := newHouse(b)
	const records, chunk = 100_000, 5_000
	for first := 0; first < records; first += chunk {
		rows := make([]map[string]any, chunk)
		for i := range rows {
			who := rowan()
			who["family_name"] = "Quill" + strings.Map(func(r rune) rune { return 'a' + r - '0' }, strconv.Itoa(first+i))
			rows[i] = tenancy(who, fmt.Sprintf("T-%d", first+i))
		}
		if got := h.submit(sent{"housing-submitter", "housing.tenancy", "ISA-TH-WMP-001", rows}); got.Accepted != chunk {
			b.Fatalf("%+v", got)
		}
	}
	h.assign(rowan())
	h.stop()
	runtime.GC()
	b.ResetTimer()
	var slowest time.Duration
	for b.Loop() {
		start := time.Now()
		gw, err := gateway.New(b.Context(), h.cfg, gateway.Options{Clock: h.clock.Now})
		if err != nil {
			b.Fatal(err)
		}
		slowest = max(slowest, time.Since(start))
		b.StopTimer()
		if err := gw.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.StopTimer()
	h.start()
	h.call("analyst", http.MethodPost, subjectPath, ask("soc-investigation", rowan())).want(http.StatusOK, nil)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(slowest.Milliseconds()), "ms-slowest")
	b.ReportMetric(float64(m.HeapInuse)/1e6, "heap-MB")
	b.ReportMetric(float64(resident(b))/1e6, "resident-MB")
	if slowest > time.Second {
		b.Errorf("the slowest start took %v", slowest)
	}
	if m.HeapInuse > 200e6 {
		b.Errorf("%d bytes of heap in use", m.HeapInuse)
	}
}

// resident is the memory of the whole process, which has submitted the records
// too; 0 where the system does not say.
func resident(b *testing.B) int64 {
	b.Helper()
	raw, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	pages, err := strconv.ParseInt(strings.Fields(string(raw))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}
