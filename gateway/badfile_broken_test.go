package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// breakOff sends a part of a body over a connection of its own, and ends the sending
// there. It returns the answer.
func (h *house) breakOff(method, path, body string, length int, headers ...string) *response {
	h.t.Helper()
	conn, err := (&net.Dialer{}).DialContext(h.t.Context(), "tcp", h.srv.Listener.Addr().String())
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: concord.example\r\nAuthorization: Bearer %s\r\nConnection: close\r\n", method, path, h.token("housing-submitter"))
	for i := 0; i+1 < len(headers); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", headers[i], headers[i+1])
	}
	if length > 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", length, body)
	} else {
		fmt.Fprintf(&b, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(body), body)
	}
	if _, err := io.WriteString(conn, b.String()); err != nil {
		h.t.Fatal(err)
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		h.t.Fatal("no TCP")
	}
	if err := tcp.CloseWrite(); err != nil {
		h.t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return &response{t: h.t, status: res.StatusCode, header: res.Header, body: raw}
}

// TestBrokenBodies cuts the connection in the middle of a body, between two whole rows
// and within one: nothing is stored, in any format, compressed or not.
func TestBrokenBodies(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := submissionsPath("housing.concern", "ISA-TH-WMP-001")
	rows := []string{jsonOf(t, canaryConcern(1)), jsonOf(t, canaryConcern(2))}
	cells := []string{cellsOf(t, canaryConcern(1)), cellsOf(t, canaryConcern(2))}
	var said []string
	for format, body := range map[string]string{
		asJSON:   "[" + strings.Join(rows, ",") + "]",
		asNDJSON: strings.Join(rows, "\n") + "\n",
		asCSV:    concernHeader + "\r\n" + strings.Join(cells, ""),
	} {
		for _, at := range []int{1, len(body) - 40, len(body)} {
			for _, length := range []int{len(body) + 10, 0} {
				r := h.breakOff(http.MethodPost, path, body[:at], length, "Content-Type", format)
				r.problem(http.StatusBadRequest, "body-broken-off")
				said = append(said, string(r.body))
			}
		}
		packed := string(gzipped(t, []byte(body)))
		h.breakOff(http.MethodPost, path, packed, len(packed)+1, "Content-Type", format, "Content-Encoding", "gzip").
			problem(http.StatusBadRequest, "body-broken-off")
	}
	if n := h.stored().records; n != 0 {
		t.Errorf("%d records are stored", n)
	}
	h.silent(said)
}

// TestBrokenPart keeps what arrived of a part, and goes on from there.
func TestBrokenPart(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	body := jsonOf(t, canaryConcern(1)) + "\n" + jsonOf(t, canaryConcern(2)) + "\n"
	at := h.begin(body[:50])
	h.breakOff(http.MethodPatch, at, body[50:200], len(body), "Content-Type", partial, "Upload-Offset", "50", "Upload-Complete", "?1").
		problem(http.StatusBadRequest, "body-broken-off")
	r := h.call("housing-submitter", http.MethodHead, at, nil).want(http.StatusNoContent, nil)
	offset, err := strconv.Atoi(r.header.Get("Upload-Offset"))
	if err != nil || offset != 200 || r.header.Get("Upload-Complete") != "?0" {
		t.Fatalf("%v", r.header)
	}
	var got submission
	h.call("housing-submitter", http.MethodPatch, at, body[offset:], "Content-Type", partial, "Upload-Offset", "200", "Upload-Complete", "?1").
		want(http.StatusCreated, &got)
	if got.Accepted != 2 || got.Rejected != 0 || h.stored().records != 2 {
		t.Errorf("%+v", got)
	}
}

// TestBadJob gives a file that is too long to be stored at once and is cut off at its
// end: the job finds that before it stores the first row.
func TestBadJob(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const rows = 10_100
	var b strings.Builder
	b.WriteByte('[')
	row := jsonOf(t, canaryConcern(0))
	for n := range rows {
		b.WriteString(strings.Replace(row, `"C-0"`, `"C-`+strconv.Itoa(n)+`"`, 1) + ",")
	}
	var got submission
	r := h.call("housing-submitter", http.MethodPost, submissionsPath("housing.concern", "ISA-TH-WMP-001"), b.String()).want(http.StatusAccepted, &got)
	at := r.header.Get("Location")
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for got.State == "processing" {
		<-tick.C
		r = h.call("housing-submitter", http.MethodGet, at, nil).want(http.StatusOK, &got)
	}
	if got.State != "failed" || got.Accepted != 0 || len(got.Errors) != 1 || got.Errors[0].Code != "malformed-json" || h.stored().records != 0 {
		t.Errorf("%s", r.body)
	}
	h.silent([]string{string(r.body)})
}
