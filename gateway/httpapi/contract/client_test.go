package contract

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
)

// reports gathers what a client reports.
type reports struct {
	mu  sync.Mutex
	all []string
}

func (r *reports) add(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, err.Error())
}

func gateway(t *testing.T, status int, contentType, content string) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			t.Error(err)
		}
		maps.Copy(w.Header(), answered(contentType))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, content)
	}))
	t.Cleanup(server.Close)
	return server
}

func TestClientReports(t *testing.T) {
	c := load(t)
	const empty = `{"items":[],"next":""}`
	problem := `{"type":"https://concord.example/problems/invalid","title":"No","status":400,"request_id":"0198c2f4-6f0e"}`
	linked := string(example(t, c, "POST", "/v1/case-links", "201"))
	for _, tc := range []struct {
		name, method, target, sent string
		status                     int
		contentType, content       string
		want                       []string
	}{
		{"a sound exchange", "GET", "/v1/datasets", "", 200, "application/json", empty, nil},
		{"a sound exchange with a body", "POST", "/v1/case-links", `{"case_ref":"A","analyst":"b@c.example","subject":{"nhs_number":"9990000018"}}`, 201, "application/json", linked, nil},
		{"a request that was rightly refused", "GET", "/v1/disclosures?cursor=x%20", "", 400, problemType, problem, nil},
		{"a request that was wrongly taken", "GET", "/v1/datasets?x=1", "", 200, "application/json", empty, []string{"GET /v1/datasets: parameters"}},
		{"an answer that deviates", "GET", "/v1/datasets", "", 200, "application/json", `{"items":[]}`, []string{"GET /v1/datasets -> 200: body"}},
		{
			"both", "POST", "/v1/case-links", `{}`, 201, "application/json", `{}`,
			[]string{"POST /v1/case-links -> 201: body", "POST /v1/case-links: body"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := gateway(t, tc.status, tc.contentType, tc.content)
			var got reports
			request, err := http.NewRequestWithContext(t.Context(), tc.method, server.URL+tc.target, strings.NewReader(tc.sent))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer x")
			if tc.sent != "" {
				request.Header.Set("Content-Type", "application/json")
			}
			answer, err := c.Client(nil, got.add).RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(answer.Body)
			if err != nil || string(content) != tc.content {
				t.Errorf("the answer was handed on as %q, %v", content, err)
			}
			if len(got.all) != len(tc.want) {
				t.Fatalf("reports = %q, want %q", got.all, tc.want)
			}
			for i, want := range tc.want {
				if !strings.HasPrefix(got.all[i], want) {
					t.Errorf("report = %q, want %q", got.all[i], want)
				}
			}
		})
	}
}

func TestClientWithoutABody(t *testing.T) {
	c := load(t)
	server := gateway(t, 200, "application/json", `{"items":[],"next":""}`)
	var got reports
	client := &http.Client{Transport: c.Client(http.DefaultTransport, got.add)}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/v1/datasets", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer x")
	answer, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if len(got.all) != 0 {
		t.Errorf("reports = %q", got.all)
	}
}

type failing struct{ body io.Reader }

var errLine = errors.New("the line is dead")

func (f failing) RoundTrip(*http.Request) (*http.Response, error) {
	if f.body == nil {
		return nil, errLine
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(f.body)}, nil
}

// What breaks on the way is an error of the exchange, not a deviation.
func TestClientPassesErrorsOn(t *testing.T) {
	c := load(t)
	for _, tc := range []struct {
		name string
		base failing
		sent io.Reader
	}{
		{"no answer", failing{}, nil},
		{"half an answer", failing{iotest.ErrReader(errLine)}, nil},
		{"half a request", failing{strings.NewReader("")}, iotest.ErrReader(errLine)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got reports
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://gateway.example/v1/editions", tc.sent)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Client(tc.base, got.add).RoundTrip(request); !errors.Is(err, errLine) {
				t.Errorf("err = %v", err)
			}
			if len(got.all) != 0 {
				t.Errorf("reports = %q", got.all)
			}
		})
	}
}
