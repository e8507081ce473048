package httpd

import (
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"golang.org/x/mod/sumdb/tlog"

	"gatebook"
	"gatebook/httpd/access"
	"gatebook/httpd/accounts"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
)

// contentText is the media type of signed heads and keys.
const contentText = "text/plain"

// prover is what the API proves of the registry's log.
type prover interface {
	// Heads returns the newest signed head.
	Heads() (gatebook.HeadStatus, error)
	// VerifierKeys returns the keys that verify heads, the newest first.
	VerifierKeys() ([]string, error)
	// ProveRecord proves that a tree contains a record.
	ProveRecord(sequence, size uint64) (gatebook.RecordProof, error)
	// ProveTree proves that a tree begins with a smaller one.
	ProveTree(from, to uint64) (gatebook.TreeProof, error)
	// StoredRecord returns a record as proofs cover it.
	StoredRecord(sequence uint64) (gatebook.StoredRecord, error)
}

// proofs answers with signed heads, proofs, and what they prove.
type proofs struct {
	registry   prover
	answers    *answers
	inclusions *render.Resource[gatebook.RecordProof]
	trees      *render.Resource[gatebook.TreeProof]
	records    *render.Resource[storedRecord]
}

// storedRecord is a record with the personal parts that are shown.
type storedRecord struct {
	gatebook.StoredRecord
	sequence uint64
}

func newProofs(r prover, to *answers) *proofs {
	type record = gatebook.RecordProof
	type tree = gatebook.TreeProof
	return &proofs{
		registry: r, answers: to,
		inclusions: render.NewResource(render.Members([]render.Member[record]{
			{Name: "sequence", Value: render.Number(func(v record) uint64 { return v.Sequence })},
			{Name: "size", Value: render.Number(func(v record) uint64 { return v.Size })},
			{Name: "leaf_hash", Value: base64Value(func(v record) []byte { return v.Leaf[:] })},
			{Name: "proof", Value: hashesValue(func(v record) []tlog.Hash { return v.Proof })},
		}, nil)),
		trees: render.NewResource(render.Members([]render.Member[tree]{
			{Name: "from", Value: render.Number(func(v tree) uint64 { return v.From })},
			{Name: "to", Value: render.Number(func(v tree) uint64 { return v.To })},
			{Name: "proof", Value: hashesValue(func(v tree) []tlog.Hash { return v.Proof })},
		}, nil)),
		records: render.NewResource(render.Members([]render.Member[storedRecord]{
			{Name: "sequence", Value: render.Number(func(v storedRecord) uint64 { return v.sequence })},
			{Name: "leaf", Value: base64Value(func(v storedRecord) []byte { return v.Leaf })},
		}, []render.Member[storedRecord]{
			{Name: "subject", Value: base64Value(func(v storedRecord) []byte { return v.Subject })},
			{Name: "actor", Value: base64Value(func(v storedRecord) []byte { return v.Actor })},
		})),
	}
}

// base64Value renders bytes in base64, and null for none.
func base64Value[T any](of func(T) []byte) render.Value[T] {
	return func(b []byte, _ *render.Rendering, v T) []byte {
		content := of(v)
		if len(content) == 0 {
			return append(b, "null"...)
		}
		b = append(b, '"')
		return append(base64.StdEncoding.AppendEncode(b, content), '"')
	}
}

// hashesValue renders a list of hashes, each in base64.
func hashesValue[T any](of func(T) []tlog.Hash) render.Value[T] {
	return func(b []byte, _ *render.Rendering, v T) []byte {
		b = append(b, '[')
		for i, h := range of(v) {
			if i > 0 {
				b = append(b, ',')
			}
			b = append(append(append(b, '"'), h.String()...), '"')
		}
		return append(b, ']')
	}
}

// checkpoint answers with the newest signed head.
func (p *proofs) checkpoint(c *gin.Context) error {
	if err := params.ParseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	status, err := p.registry.Heads()
	if err != nil {
		return notProven(err)
	}
	return p.text(c, status.Signed)
}

// keys answers with the verifier keys, the newest first, a line each.
func (p *proofs) keys(c *gin.Context) error {
	if err := params.ParseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	keys, err := p.registry.VerifierKeys()
	if err != nil {
		return notProven(err)
	}
	var text []byte
	for _, k := range keys {
		text = append(append(text, k...), '\n')
	}
	return p.text(c, text)
}

// text answers with a text that no client keeps.
func (p *proofs) text(c *gin.Context, text []byte) error {
	a := p.answers.begin(c, p.answers.present.Moment(), params.Parameters{})
	defer a.Release()
	c.Header("Content-Type", contentText+"; charset=utf-8")
	c.Header("Cache-Control", "no-cache")
	if _, err := a.Write(text); err != nil {
		return err
	}
	return a.Finish()
}

// inclusion answers with the proof that a tree contains a record.
func (p *proofs) inclusion(c *gin.Context) error {
	q, err := params.Parse(c.Request.URL.RawQuery, params.Sequence, params.Size)
	if err != nil {
		return err
	}
	if q.Sequence == 0 {
		return params.Invalid("sequence is not given: it is the number of the record to prove, as in sequence=1.")
	}
	proof, err := p.registry.ProveRecord(q.Sequence, q.Size)
	if err != nil {
		return notProven(err)
	}
	return object(p.answers, c, q, p.inclusions.Usual, proof)
}

// consistency answers with the proof that a tree begins with a smaller one.
func (p *proofs) consistency(c *gin.Context) error {
	q, err := params.Parse(c.Request.URL.RawQuery, params.From, params.To)
	if err != nil {
		return err
	}
	if q.From == 0 {
		return params.Invalid("from is not given: it is the number of records of an older head, as in from=1.")
	}
	proof, err := p.registry.ProveTree(q.From, q.To)
	if err != nil {
		return notProven(err)
	}
	return object(p.answers, c, q, p.trees.Usual, proof)
}

// record answers with a record as proofs cover it, and its personal parts where they are asked
// for.
func (p *proofs) record(c *gin.Context) error {
	q, err := params.Parse(c.Request.URL.RawQuery, params.Personal)
	if err != nil {
		return err
	}
	if account, known := access.AccountOf(c.Request); q.Personal && known && account.Role != accounts.Admin {
		return access.Forbidden("Personal parts come with the salts that would tell whom a record is about after it was erased: they are for the role admin.")
	}
	name := c.Param("sequence")
	sequence, ok := params.Number(name, 64)
	if !ok { // each record has one address
		return notFound("Record", strconv.Quote(name))
	}
	stored, err := p.registry.StoredRecord(sequence)
	if errors.Is(err, gatebook.ErrNotFound) {
		return notFound("Record", name)
	}
	if err != nil {
		return notProven(err)
	}
	shape := p.records.Usual
	if q.Personal {
		if shape, err = p.records.Shape([]string{"*"}); err != nil {
			return err
		}
	}
	return object(p.answers, c, q, shape, storedRecord{stored, sequence})
}

// object answers with an object of the present moment.
func object[T any](to *answers, c *gin.Context, q params.Parameters, s render.Shape[T], v T) error {
	a := to.begin(c, to.present.Moment(), q)
	defer a.Release()
	return render.Object(a, http.StatusOK, s, v)
}

// notProven returns the failure of what cannot be proven.
func notProven(err error) error {
	if errors.Is(err, gatebook.ErrNoFiles) {
		return errNoFiles()
	}
	if e, ok := errors.AsType[*gatebook.NotSignedError](err); ok {
		return &render.Failure{
			Status: http.StatusNotFound, Title: "Not signed yet",
			Description: sentence(e.Error()) + " A head is signed at most a second after what it covers was recorded.",
		}
	}
	return err
}
