package httpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"github.com/gin-gonic/gin"

	"gatebook"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/httpd/telemetry"
	"gatebook/storage"
)

// healthReader is what the API reads of the registry's health.
type healthReader interface {
	// Err returns why nothing can be recorded now, nil when the log takes records.
	Err() error
	// Damage returns a fault in what was recorded before, nil for none.
	Damage() error
	// ClockBehind returns how far the clock stands before the last record, 0 where it does not.
	ClockBehind() time.Duration
	// Verify reads the whole log.
	Verify(ctx context.Context, pace storage.Pace, claims ...gatebook.HeadClaim) (*storage.Verified, error)
	// RotateKey signs the log with another key.
	RotateKey(ctx context.Context, by string) (verifier string, err error)
	// Backup writes the log to a stream.
	Backup(ctx context.Context, to io.Writer, o gatebook.BackupOptions) (*storage.BackupPlan, error)
	// CheckBackup returns the error of a backup that cannot have the files beside the log.
	CheckBackup(ctx context.Context, o gatebook.BackupOptions) error
	// Info describes the data folder.
	Info(ctx context.Context) (*gatebook.Info, error)
}

// readiness is a registry whose health is that of its server too.
type readiness struct {
	Registry
	notReady func() string
}

// Err returns why nothing can be recorded or the server is not ready, nil when all is well.
func (r readiness) Err() error {
	if err := r.Registry.Err(); err != nil {
		return err
	}
	if fault, ok := errors.AsType[*storage.CorruptError](r.Damage()); ok {
		return unready("The log is damaged (" + place(fault) + "). What happens is recorded all the same. " + wayOutOf(fault))
	}
	if gone, ok := errors.AsType[*storage.GoneError](r.Damage()); ok {
		return unready("The file " + filepath.Base(gone.File) + " was removed or replaced while it is in use: " + gone.Err.Error() + ". What happens is recorded all the same.")
	}
	if heal, ok := errors.AsType[*gatebook.HealError](r.Damage()); ok {
		return unready("book.db is damaged or missing, and cannot be made again from the log: " + whyNotHealed(heal) +
			" Live sessions are recorded all the same; what needs those that have ended has to wait, and so have reports of sessions that are not live. It is tried again every ten seconds.")
	}
	if head, ok := errors.AsType[*gatebook.HeadError](r.Damage()); ok {
		return unready("The newest signed head could not be written to the file head of the data folder: " + head.Reason() +
			". What happens is recorded all the same, and the head is tried again each second.")
	}
	if key, ok := errors.AsType[*gatebook.KeyError](r.Damage()); ok {
		what := "is damaged, or has another key"
		if errors.Is(key, fs.ErrNotExist) {
			what = "is missing"
		}
		return unready("The file key of the data folder " + what + ". What happens is recorded and signed all the same, but no server would start again." +
			" Put it back from a copy, or make another key with gatebook key rotate on this machine while the server runs.")
	}
	if why := r.notReady(); why != "" {
		return unready(why)
	}
	return nil
}

// unready returns the failure with which /ready says why it is red.
func unready(why string) *render.Failure {
	return &render.Failure{Status: http.StatusServiceUnavailable, Title: notReady, Description: why}
}

// whyNotHealed says why the archive could not be made again, in a sentence without paths.
func whyNotHealed(err *gatebook.HealError) string {
	fault, damaged := errors.AsType[*storage.CorruptError](err)
	switch {
	case damaged && fault.Sequence != 0:
		return fmt.Sprintf("the log is damaged at record %d.", fault.Sequence)
	case damaged:
		return "the log is damaged."
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, storage.ErrDiskFull):
		return "the disk is full."
	}
	return "the server's log says why."
}

// status answers for the process itself: its health, its build, its metrics.
type status struct {
	registry healthReader
	answers  *answers
	metrics  *telemetry.Metrics
	program  program
	word     *render.Resource[word]
	programs *render.Resource[program]
	contract contract
}

func newStatus(r healthReader, to *answers, m *telemetry.Metrics, version string) *status {
	return &status{
		registry: r, answers: to, metrics: m, program: programOf(version),
		word: statusResource(), programs: programResource(), contract: contractBelow(to.base),
	}
}

// word is the status of the process.
type word struct {
	status string
	// warning says what is wrong although the status is good; "" for nothing.
	warning string
}

// statusResource describes the status of the process.
func statusResource() *render.Resource[word] {
	return render.NewResource(render.Members([]render.Member[word]{
		{Name: "status", Value: render.Text(func(v word) string { return v.status })},
		{Name: "warning", When: func(v word) bool { return v.warning != "" }, Value: render.Text(func(v word) string { return v.warning })},
	}, nil))
}

// health answers, which shows that the process can.
func (s *status) health(c *gin.Context) error { return show(s, c, s.word, word{status: "ok"}) }

// ready answers whether events can be recorded.
func (s *status) ready(c *gin.Context) error {
	if err := s.registry.Err(); err != nil {
		f := notRecording(err)
		if f == nil {
			return err // a failure, or an error of the server
		}
		return unready(f.Description)
	}
	return show(s, c, s.word, word{status: "ready", warning: clockWarning(s.registry.ClockBehind())})
}

// clockWarning says that the clock stands before the last record, "" where it does not.
func clockWarning(behind time.Duration) string {
	if behind == 0 {
		return ""
	}
	return fmt.Sprintf("The clock stands %s before the last record. What is recorded gets the time of that record until the clock has passed it. "+
		"Set the clock, or find out why it was ahead.", behind.Round(time.Second))
}

// version answers with the version of the program.
func (s *status) version(c *gin.Context) error { return show(s, c, s.programs, s.program) }

// show answers with an object of the present moment.
func show[T any](s *status, c *gin.Context, r *render.Resource[T], v T) error {
	p, err := params.Parse(c.Request.URL.RawQuery)
	if err != nil {
		return err
	}
	a := s.answers.begin(c, s.answers.present.Moment(), p)
	defer a.Release()
	return render.Object(a, http.StatusOK, r.Usual, v)
}

// showMetrics answers with the metrics, in the text format of Prometheus.
func (s *status) showMetrics(c *gin.Context) error {
	if err := params.ParseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	a := s.answers.begin(c, s.answers.present.Moment(), params.Parameters{})
	defer a.Release()
	if err := s.metrics.WriteText(a); err != nil {
		return err
	}
	c.Status(http.StatusOK)
	return a.Finish()
}

// showContract answers with openapi.yaml.
func (s *status) showContract(c *gin.Context) error {
	if err := params.ParseNone(c.Request.URL.RawQuery); err != nil {
		return err
	}
	m := s.answers.present.Moment()
	if err := s.answers.validate(c, m, s.contract.validators); err != nil {
		return err
	}
	a := s.answers.begin(c, m, params.Parameters{})
	defer a.Release()
	if _, err := a.Write(s.contract.text); err != nil {
		return err
	}
	return a.Finish()
}
