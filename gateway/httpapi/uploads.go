package httpapi

import (
	"encoding/base64"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/submission"
)

// The header fields of uploads in parts (draft-ietf-httpbis-resumable-upload).
const (
	headerComplete = "Upload-Complete"
	headerOffset   = "Upload-Offset"
	headerLimit    = "Upload-Limit"
	// partType is the media type of a part.
	partType = "application/partial-upload"
)

// retrySoon is how many seconds a caller should wait before it asks for a job again.
const retrySoon = "2"

// taken is the answer to a submission, or to a part of one.
func taken(res *submission.Result, part bool) *reply {
	rep := &reply{body: res, header: map[string]string{}}
	switch res.State {
	case submission.DryRun, submission.Rejected:
		rep.status = http.StatusOK
	case submission.Processing, submission.Paused:
		rep.status = http.StatusAccepted
		rep.header["Retry-After"] = retrySoon
	case submission.Uploading:
		rep.status = http.StatusCreated
		if part {
			rep.status, rep.body = http.StatusNoContent, nil
		}
		offsetOf(rep, res.Progress.Bytes, false)
		rep.header[headerLimit] = "max-size=" + strconv.Itoa(submission.MaxBytes)
	default:
		rep.status = http.StatusCreated
	}
	if res.State != submission.DryRun {
		rep.header["Location"] = "/v1/submissions/" + res.ID
	}
	return rep
}

func offsetOf(rep *reply, size int64, complete bool) {
	rep.header[headerOffset] = strconv.FormatInt(size, 10)
	rep.header[headerComplete] = "?0"
	if complete {
		rep.header[headerComplete] = "?1"
	}
}

// appendSubmission takes the next part of an upload.
func (s *server) appendSubmission(c *call) (*reply, error) {
	const op = "httpapi.appendSubmission"
	if mediaType, _, _ := mime.ParseMediaType(c.Request.Header.Get("Content-Type")); mediaType != partType {
		return nil, fault.New(fault.Invalid, op, "A part of an upload is "+partType+".").WithCode(unsupported)
	}
	last, err := uploadComplete(c, false)
	if err != nil {
		return nil, err
	}
	offset, err := uploadOffset(c)
	if err != nil {
		return nil, err
	}
	id := c.Param("id")
	res, err := s.Submissions.Append(c.ctx(), submission.Part{
		Principal: c.principal, ID: id, Offset: offset, Last: last, Client: c.client(), Body: c.Request.Body,
	})
	if fault.CodeOf(err) == "upload-offset" {
		if size, _, err := s.Submissions.Offset(c.ctx(), c.principal, id); err == nil {
			c.Writer.Header().Set(headerOffset, strconv.FormatInt(size, 10))
		}
	}
	if err != nil {
		return nil, err
	}
	return taken(res, true), nil
}

// readOffset says how much of an upload is there.
func (s *server) readOffset(c *call) (*reply, error) {
	size, complete, err := s.Submissions.Offset(c.ctx(), c.principal, c.Param("id"))
	if err != nil {
		return nil, err
	}
	rep := &reply{status: http.StatusNoContent, header: map[string]string{}}
	offsetOf(rep, size, complete)
	return rep, nil
}

// uploadOffset reads the structured integer of where a part begins (RFC 8941 section
// 3.3.1), which has no plus sign.
func uploadOffset(c *call) (int64, error) {
	values := c.Request.Header.Values(headerOffset)
	if len(values) == 1 && !strings.HasPrefix(values[0], "+") {
		if offset, err := strconv.ParseInt(values[0], 10, 64); err == nil && offset >= 0 {
			return offset, nil
		}
	}
	return 0, fault.New(fault.Invalid, "httpapi.uploadOffset", "The header Upload-Offset says where in the body the part begins, in digits.").
		WithCode("upload-header")
}

// uploadComplete reads the structured boolean of whether the body is complete with
// this request (RFC 8941 section 3.3.6).
func uploadComplete(c *call, absent bool) (bool, error) {
	switch values := c.Request.Header.Values(headerComplete); {
	case len(values) == 0:
		return absent, nil
	case len(values) == 1 && values[0] == "?1":
		return true, nil
	case len(values) == 1 && values[0] == "?0":
		return false, nil
	}
	return false, fault.New(fault.Invalid, "httpapi.uploadComplete", "The header Upload-Complete is ?0 or ?1.").WithCode("upload-header")
}

// idempotencyKey reads the key, a structured string (RFC 8941 section 3.3.3). A key
// without the quotation marks is taken as it is: many clients send it so.
func idempotencyKey(c *call) (string, error) {
	values := c.Request.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	if unquoted, ok := strings.CutPrefix(key, `"`); ok {
		key, ok = strings.CutSuffix(unquoted, `"`)
		if !ok {
			key = ""
		}
	}
	printable := !strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' })
	if len(values) > 1 || key == "" || len(key) > submission.MaxKey || !printable {
		return "", fault.New(fault.Invalid, "httpapi.idempotencyKey",
			"The header Idempotency-Key is one text of 1 to 255 printable characters in quotation marks.").WithCode("idempotency-key")
	}
	return key, nil
}

// reprDigest reads the SHA-256 of the body that the sender announces, if it does (RFC
// 9530 section 3). Other algorithms are passed over.
func reprDigest(c *call) ([]byte, error) {
	const length = 32
	for part := range strings.SplitSeq(strings.Join(c.Request.Header.Values("Repr-Digest"), ","), ",") {
		text, ok := strings.CutPrefix(strings.TrimSpace(part), "sha-256=:")
		if !ok {
			continue
		}
		text, ok = strings.CutSuffix(text, ":")
		sum, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil || len(sum) != length {
			return nil, fault.New(fault.Invalid, "httpapi.reprDigest", "The header Repr-Digest is not sha-256=:BASE64:.").WithCode("repr-digest")
		}
		return sum, nil
	}
	return nil, nil
}
