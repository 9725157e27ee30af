package audit

import (
	"fmt"

	"github.com/concord-gateway/concord/gateway/fault"
)

// witnessed holds the newest of the published checkpoints against the witnesses
// that the options ask for.
func (v *verification) witnessed(checkpoints [][]byte) error {
	if v.opts.Quorum == 0 && len(v.opts.Witnesses) == 0 {
		return nil
	}
	if len(checkpoints) == 0 {
		v.found(Problem{Index: v.size, Batch: -1, Code: CodeWitness, Message: "no checkpoint is published that witnesses could have cosigned"})
		return nil
	}
	problem, err := cosigned(checkpoints[len(checkpoints)-1], v.opts)
	if problem != nil {
		v.found(*problem)
	}
	return err
}

// cosigned holds a checkpoint against the witnesses that the options ask for.
func cosigned(checkpoint []byte, opts VerifyOptions) (*Problem, error) {
	if opts.Quorum == 0 && len(opts.Witnesses) == 0 {
		return nil, nil //nolint:nilnil // no witness was asked for, and nothing is wrong
	}
	if opts.Quorum < 1 || opts.Quorum > len(opts.Witnesses) {
		return nil, fault.New(fault.Invalid, "audit.Verify", "the quorum must be at least 1 and at most the number of witnesses")
	}
	if _, err := cosigners("audit.Verify", opts.Witnesses); err != nil {
		return nil, err
	}
	found, met, err := Cosigned(checkpoint, opts.Witnesses, opts.Quorum)
	if err != nil { // the keys are good, so it is the checkpoint
		return &Problem{ //nolint:nilerr // it is what was found
			Index: 0, Batch: -1, Code: CodeWitness, Message: "the cosignatures of the checkpoint do not verify",
		}, nil
	}
	if met {
		return nil, nil //nolint:nilnil // nothing is wrong
	}
	return &Problem{Index: 0, Batch: -1, Code: CodeWitness, Message: fmt.Sprintf(
		"%d of the %d witnesses that are asked for have cosigned the checkpoint", len(found), opts.Quorum)}, nil
}
