package contract

import (
	"bytes"
	"io"
	"net/http"
)

// Client returns a transport that sends through base (nil means
// http.DefaultTransport) and reports every deviation of an exchange.
//
// Every answer is checked. A request is checked when it was answered with
// success: then the description has to allow it too, or it is narrower than
// the gateway. A request that was refused may be anything. Bodies are read
// whole, and are handed on unchanged. The report may be called from several
// goroutines at once.
func (c *Contract) Client(base http.RoundTripper, report func(error)) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	return &checkedTransport{contract: c, base: base, report: report}
}

type checkedTransport struct {
	contract *Contract
	base     http.RoundTripper
	report   func(error)
}

// RoundTrip sends the request and checks the exchange. A deviation is
// reported, never returned: the caller sees what the gateway answered.
func (t *checkedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	sent, err := drain(request.Body)
	if err != nil {
		return nil, err
	}
	outgoing := request.Clone(request.Context())
	if request.Body != nil {
		outgoing.Body = io.NopCloser(bytes.NewReader(sent))
	}
	answer, err := t.base.RoundTrip(outgoing)
	if err != nil {
		return nil, err
	}
	received, err := drain(answer.Body)
	if err != nil {
		return nil, err
	}
	answer.Body = io.NopCloser(bytes.NewReader(received))
	t.check(request, sent, answer, received)
	return answer, nil
}

// check reports what deviates in one exchange.
func (t *checkedTransport) check(request *http.Request, sent []byte, answer *http.Response, received []byte) {
	target := request.URL.RequestURI()
	if err := t.contract.Check(request.Method, target, answer.StatusCode, answer.Header, received); err != nil {
		t.report(err)
	}
	if answer.StatusCode >= http.StatusMultipleChoices {
		return
	}
	if err := t.contract.CheckRequest(request.Method, target, request.Header, sent); err != nil {
		t.report(err)
	}
}

// drain reads a body to its end and closes it.
func drain(content io.ReadCloser) ([]byte, error) {
	if content == nil {
		return nil, nil
	}
	defer content.Close()
	return io.ReadAll(content)
}
