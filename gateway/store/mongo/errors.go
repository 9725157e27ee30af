package mongo

import (
	"errors"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/concord-gateway/concord/gateway/fault"
)

// Codes of the server that say what was asked for is impossible, and will be the
// next time.
const (
	codeTooLarge         = 10334 // BSONObjectTooLarge
	codeUnauthorized     = 13
	codeValidationFailed = 121 // DocumentValidationFailure
)

// failure turns an error of the driver into a fault of operation op; a fault
// passes through. What is not known for certain to have failed is Unavailable:
// time-outs, networks, a primary that steps down, a write concern that was not
// met in time.
func failure(op string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*fault.Error](err); ok {
		return err
	}
	var server mongo.ServerError
	switch {
	case errors.Is(err, mongo.ErrNoDocuments):
		return fault.Wrap(fault.NotFound, op, "there is no such document", err)
	case unknown(err):
		return fault.Wrap(fault.Unavailable, op, "the store cannot answer", err)
	case mongo.IsDuplicateKeyError(err):
		return fault.Wrap(fault.Conflict, op, "the document is there already", err)
	case errors.As(err, &server) && server.HasErrorCode(codeTooLarge):
		return fault.Wrap(fault.TooLarge, op, "the value is too large to store", err)
	case errors.As(err, &server) && server.HasErrorCode(codeUnauthorized):
		return fault.Wrap(fault.Unavailable, op, "the database refuses the gateway's user", err)
	case errors.As(err, &server) && server.HasErrorCode(codeValidationFailed):
		return fault.Wrap(fault.Internal, op, "the store was asked wrongly", err)
	default:
		return fault.Wrap(fault.Unavailable, op, "the store cannot answer", err)
	}
}

// unknown reports whether a write concern error stands beside whatever else
// happened: then what was written may yet be rolled back, and a duplicate may be
// too.
func unknown(err error) bool {
	var one mongo.WriteException
	var many mongo.BulkWriteException
	return errors.As(err, &one) && one.WriteConcernError != nil ||
		errors.As(err, &many) && many.WriteConcernError != nil
}

// errorAs returns what the server answered, if it did.
func errorAs(err error) (mongo.ServerError, bool) {
	var server mongo.ServerError
	return server, errors.As(err, &server)
}
