package httpd

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/httpd/access"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/storage"
)

// progressInterval is how often a verification says how far it is.
const progressInterval = 250 * time.Millisecond

// verification verifies the log, at the control socket alone.
type verification struct {
	registry healthReader
	closing  <-chan struct{}
}

// routes returns the route of the control socket.
func (v *verification) routes() []route {
	return []route{{path: "/verify", operations: []operation{{method: http.MethodPost, access: access.ForAdmins, handle: v.run}}}}
}

// verifyLine is a line of the answer to POST /verify: how far it is, or at the end what was
// found.
type verifyLine struct {
	Read int64 `json:"read"`
	Of   int64 `json:"of"`
	// Found is in the last line.
	Found *verified `json:"found,omitempty"`
}

type verified struct {
	Segments int           `json:"segments"`
	Records  uint64        `json:"records"`
	Bytes    int64         `json:"bytes"`
	Head     uint64        `json:"head"`
	Faults   []verifyFault `json:"faults"`
	Claims   []verifyClaim `json:"heads,omitempty"`
}

type verifyFault struct {
	File     string `json:"file"`
	Sequence uint64 `json:"sequence"` // 0 where the fault is not in one record
	Error    string `json:"error"`
}

// verifyClaim is a head that the log was compared with.
type verifyClaim struct {
	Name string `json:"name"`
	Size uint64 `json:"size"`
	// Unvouched are the records after it that name a key for which the one before does not vouch.
	Unvouched []uint64 `json:"unvouched,omitempty"`
	Error     string   `json:"error,omitempty"` // why it is no head of the log
}

// run reads the log through, and says how far it is and what it has found.
func (v *verification) run(c *gin.Context) error {
	if err := params.ParseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	claims, err := claimedHeads(c)
	if err != nil {
		return err
	}
	c.Header("Content-Type", render.NDJSON)
	c.Status(http.StatusOK)
	var last time.Time
	found, err := v.registry.Verify(c.Request.Context(), func(read, of int64) error {
		select {
		case <-v.closing:
			return errors.New("the server is stopping")
		default:
		}
		if now := time.Now(); now.Sub(last) >= progressInterval {
			last = now
			return v.send(c, verifyLine{Read: read, Of: of})
		}
		return nil
	}, claims...)
	if errors.Is(err, gatebook.ErrNoFiles) {
		return errNoFiles()
	}
	if err != nil {
		return err
	}
	return v.send(c, verifyLine{Read: found.Bytes, Of: found.Bytes, Found: describeVerified(found)})
}

// claimsBytes is the most that the claimed heads of a request take.
const claimsBytes = 1 << 20

// claimedHeads returns the heads in the body of a request, which need not have one.
func claimedHeads(c *gin.Context) ([]gatebook.HeadClaim, error) {
	b, err := io.ReadAll(http.MaxBytesReader(c.Writer, c.Request.Body, claimsBytes))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", render.ErrClientGone, err)
	}
	if len(b) == 0 {
		return nil, nil
	}
	var given struct {
		Heads []struct{ Name, Signed string }
	}
	if err := json.Unmarshal(b, &given); err != nil {
		return nil, params.Invalid("The body is no JSON: %v.", err)
	}
	var claims []gatebook.HeadClaim
	for _, h := range given.Heads {
		claims = append(claims, gatebook.HeadClaim{Name: h.Name, Signed: []byte(h.Signed)})
	}
	return claims, nil
}

// keyRotation rotates the key of the log, at the control socket alone.
type keyRotation struct {
	proofs   *proofs
	registry healthReader
}

// routes returns the route of the control socket, which is one of the API with a method more.
func (k *keyRotation) routes(api []route) []route {
	api = slices.Clone(api)
	for i := range api {
		if api[i].path == keyPath {
			rotate := operation{method: http.MethodPost, access: access.ForAdmins, handle: k.rotate}
			api[i].operations = append(slices.Clone(api[i].operations), rotate.as(contentText))
		}
	}
	return api
}

// rotate has the log signed with another key.
func (k *keyRotation) rotate(c *gin.Context) error {
	if err := params.ParseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	verifier, err := k.registry.RotateKey(c.Request.Context(), access.Actor(c.Request))
	if err != nil {
		return notProven(err)
	}
	return k.proofs.text(c, []byte(verifier+"\n"))
}

func describeVerified(v *storage.Verified) *verified {
	all := &verified{Segments: v.Segments, Records: v.Records, Bytes: v.Bytes, Head: v.Head.Sequence, Faults: []verifyFault{}}
	for _, f := range v.Faults {
		all.Faults = append(all.Faults, verifyFault{File: f.File, Sequence: f.Sequence, Error: f.Err.Error()})
	}
	for _, c := range v.Claims {
		claim := verifyClaim{Name: c.Name, Size: c.Size, Unvouched: c.Unvouched}
		if c.Err != nil {
			claim.Error = c.Err.Error()
		}
		all.Claims = append(all.Claims, claim)
	}
	return all
}

func (v *verification) send(c *gin.Context, line verifyLine) error {
	b, err := json.Marshal(line)
	if err != nil {
		return err
	}
	control := http.NewResponseController(c.Writer)
	if err := render.AllowWrite(control, render.PieceTimeout); err != nil {
		return err
	}
	if _, err := c.Writer.Write(append(b, '\n')); err != nil {
		return fmt.Errorf("%w: %w", render.ErrClientGone, err)
	}
	if err := control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", render.ErrClientGone, err)
	}
	return nil
}
