package rulebook

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"

	"github.com/concord-gateway/concord/gateway/fault"
	"github.com/concord-gateway/concord/gateway/policy/bundle"
)

// choiceFile is the member of an archive that is not among the files.
const choiceFile = "choice.json"

// archived is what choiceFile holds.
type archived struct {
	Choice

	// Evaluator is the evaluator that the revision names.
	Evaluator string `json:"evaluator"`
}

// Archive returns everything that the rules are made of, as bytes that depend
// on nothing else.
func (r *Rules) Archive() ([]byte, error) {
	raw, err := json.Marshal(archived{r.Choice, r.Policy.Evaluator()})
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "rulebook.Archive", "The choice cannot be written.", err)
	}
	all := maps.Clone(map[string][]byte(r.Files))
	all[choiceFile] = raw
	return bundle.Pack(all)
}

// FromArchive makes the rules again that were archived under a revision. It
// answers a fault of kind Internal for an archive that is damaged or is that of
// other rules.
func FromArchive(ctx context.Context, raw []byte, revision string) (*Rules, error) {
	r, err := fromArchive(ctx, raw)
	if err == nil && r.Revision() != revision {
		err = fmt.Errorf("it gives the revision %s", r.Revision())
	}
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "rulebook.FromArchive",
			"What is archived under revision "+revision+" is not what was in force.", err).WithCode("archive-damaged")
	}
	return r, nil
}

func fromArchive(ctx context.Context, raw []byte) (*Rules, error) {
	all, err := bundle.Unpack(raw)
	if err != nil {
		return nil, err
	}
	var a archived
	if err := json.Unmarshal(all[choiceFile], &a); err != nil {
		return nil, err
	}
	delete(all, choiceFile)
	d, err := Read(all)
	if err != nil {
		return nil, err
	}
	return d.rules(ctx, a.Choice, a.Evaluator)
}
