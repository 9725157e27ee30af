package httpapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/submission"
)

// maxSubmission bounds the body of a submission.
const maxSubmission = 32 << 20

// createSubmission takes rows from a partner.
func (s *server) createSubmission(c *call) (*reply, error) {
	atomic, err := flag(c, "atomic")
	if err != nil {
		return nil, err
	}
	dryRun, err := flag(c, "dry_run")
	if err != nil {
		return nil, err
	}
	agreementID := c.Query("agreement")
	if agreementID == "" {
		return nil, fault.New(fault.Invalid, "httpapi.createSubmission",
			"The query parameter agreement is required.").WithCode("agreement-required")
	}
	mediaType, _, _ := mime.ParseMediaType(c.Request.Header.Get("Content-Type")) // "" is refused as a format
	body := &limitedBody{ReadCloser: http.MaxBytesReader(c.Writer, c.Request.Body, maxSubmission)}
	res, err := s.Submissions.Submit(c.ctx(), submission.Upload{
		Principal: c.principal, RequestID: c.requestID, Client: c.client(),
		Dataset: c.Param("dataset"), Agreement: agreementID, Atomic: atomic, DryRun: dryRun,
		Format: submission.Format(mediaType), Body: body,
	})
	if err != nil {
		return nil, err
	}
	rep := &reply{status: http.StatusCreated, body: res, header: map[string]string{}}
	if dryRun || res.State == submission.Rejected {
		rep.status = http.StatusOK
	} else {
		rep.header["Location"] = "/v1/submissions/" + res.ID
	}
	return rep, nil
}

// readSubmission says what became of a submission.
func (s *server) readSubmission(c *call) (*reply, error) {
	res, err := s.Submissions.Get(c.ctx(), c.principal, c.Param("id"))
	if err != nil {
		return nil, err
	}
	return &reply{body: res}, nil
}

// flag reads a boolean query parameter; absent is false.
func flag(c *call, name string) (bool, error) {
	text, ok := c.GetQuery(name)
	if !ok {
		return false, nil
	}
	switch text {
	case "true":
		return true, nil
	case "false":
		return false, nil
	default:
		return false, fault.New(fault.Invalid, "httpapi.flag",
			"The query parameter "+name+" must be true or false.").WithCode("query-parameter")
	}
}

// limitedBody turns the error of a body over the limit into a fault.
type limitedBody struct{ io.ReadCloser }

func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = fault.Wrap(fault.TooLarge, "httpapi.createSubmission",
			"The body is larger than "+strconv.Itoa(maxSubmission>>20)+" MiB. Send it in parts.", err)
	}
	return n, err
}
