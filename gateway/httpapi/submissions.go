package httpapi

import (
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/intake"
	"github.com/concord-gateway/concord/gateway/submission"
)

// createSubmission takes rows from a partner, or the first part of an upload.
func (s *server) createSubmission(c *call) (*reply, error) {
	up, err := upload(c)
	if err != nil {
		return nil, err
	}
	complete, err := uploadComplete(c, true)
	if err != nil {
		return nil, err
	}
	if !complete && up.DryRun { // it keeps nothing to which a part could be added
		return nil, fault.New(fault.Invalid, "httpapi.createSubmission", "A dry run comes in one request.").WithCode("dry-run-in-parts")
	}
	send := s.Submissions.Submit
	if !complete {
		send = s.Submissions.Begin
	}
	res, err := send(c.ctx(), up)
	if err != nil {
		return nil, err
	}
	return taken(res, false), nil
}

// upload reads what a submission says about itself.
func upload(c *call) (up submission.Upload, err error) {
	up = submission.Upload{
		Principal: c.principal, RequestID: c.requestID, Client: c.client(), Dataset: c.Param("dataset"),
		Agreement: c.Query("agreement"), Body: c.Request.Body,
	}
	if up.Agreement == "" {
		return up, fault.New(fault.Invalid, "httpapi.createSubmission",
			"The query parameter agreement is required.").WithCode("agreement-required")
	}
	if up.Atomic, err = flag(c, "atomic"); err != nil {
		return up, err
	}
	if up.DryRun, err = flag(c, "dry_run"); err != nil {
		return up, err
	}
	if up.Format, err = format(c); err != nil {
		return up, err
	}
	if up.Encoding, err = encoding(c); err != nil {
		return up, err
	}
	if up.Key, err = idempotencyKey(c); err != nil {
		return up, err
	}
	up.Digest, err = reprDigest(c)
	return up, err
}

// format reads the media type of the body.
func format(c *call) (intake.Format, error) {
	mediaType, params, _ := mime.ParseMediaType(c.Request.Header.Get("Content-Type")) // "" is refused as a format
	f := intake.Format(mediaType)
	switch f {
	case intake.JSONArray, intake.NDJSON, intake.CSV:
	default:
		return "", fault.New(fault.Invalid, "httpapi.createSubmission",
			"The body must be application/json, application/x-ndjson or text/csv.").WithCode(unsupported)
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return "", fault.New(fault.Invalid, "httpapi.createSubmission", "The body must be UTF-8.").WithCode(unsupported)
	}
	return f, nil
}

// encoding reads the content coding of the body (RFC 9110 section 8.4); there may be
// one.
func encoding(c *call) (intake.Encoding, error) {
	values := c.Request.Header.Values("Content-Encoding")
	if len(values) == 0 {
		return intake.Identity, nil
	}
	switch e := intake.Encoding(strings.ToLower(strings.TrimSpace(values[0]))); {
	case len(values) > 1:
	case e == "identity" || e == "":
		return intake.Identity, nil
	case e == intake.Gzip || e == intake.Zstd:
		return e, nil
	}
	return "", fault.New(fault.Invalid, "httpapi.createSubmission",
		"The body may be compressed once, with gzip or zstd.").WithCode(unsupported)
}

// readSubmission says what became of a submission, or how far it is.
func (s *server) readSubmission(c *call) (*reply, error) {
	res, err := s.Submissions.Get(c.ctx(), c.principal, c.Param("id"))
	if err != nil {
		return nil, err
	}
	rep := &reply{body: res}
	if !res.Ended() {
		rep.header = map[string]string{"Retry-After": retrySoon}
	}
	return rep, nil
}

// cancelSubmission ends an upload or a job.
func (s *server) cancelSubmission(c *call) (*reply, error) {
	res, err := s.Submissions.Cancel(c.ctx(), c.principal, c.Param("id"))
	if err != nil {
		return nil, err
	}
	return &reply{status: http.StatusAccepted, body: res}, nil
}

// errorsPage is how many errors one page has, where the caller does not say.
const errorsPage = 500

// readErrors lists the errors of a submission, or sends its error file.
func (s *server) readErrors(c *call) (*reply, error) {
	if acceptsCSV(c.Request) {
		write, err := s.Submissions.ErrorFile(c.ctx(), c.principal, c.Param("id"))
		if err != nil {
			return nil, err
		}
		return &reply{
			contentType: "text/csv; charset=utf-8", stream: func(w http.ResponseWriter) error { return write(w) },
			header: map[string]string{"Content-Disposition": `attachment; filename="errors.csv"`},
		}, nil
	}
	limit := errorsPage
	if text, ok := c.GetQuery("limit"); ok {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 5000 {
			return nil, fault.New(fault.Invalid, "httpapi.readErrors", "The query parameter limit is a number from 1 to 5000.").WithCode("query-parameter")
		}
		limit = n
	}
	page, err := s.Submissions.Errors(c.ctx(), c.principal, c.Param("id"), c.Query("after"), limit)
	if err != nil {
		return nil, err
	}
	return &reply{body: page}, nil
}

// acceptsCSV reports whether the caller asks for CSV by its name, and does not prefer
// JSON (RFC 9110 section 12.5.1): of the two forms JSON is the default.
func acceptsCSV(r *http.Request) bool {
	csv, other := 0.0, 0.0
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		mediaType, params, _ := mime.ParseMediaType(part)
		weight := 1.0
		if q, err := strconv.ParseFloat(params["q"], 64); err == nil {
			weight = q
		}
		switch mediaType {
		case string(intake.CSV):
			csv = weight
		case string(intake.JSONArray):
			other = weight
		}
	}
	return csv > 0 && csv >= other
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
