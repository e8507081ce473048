package httpd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/httpd/access"
	"gatebook/httpd/accounts"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/httpd/reports"
	"gatebook/httpd/telemetry"
	"gatebook/projection"
)

// reportTimeout is how long a report waits for the log to take it.
const reportTimeout = 5 * time.Second

// reporter records the reports of sources outside this process.
type reporter interface {
	Report(ctx context.Context, report gatebook.Report) (gatebook.ReportResult, error)
}

// intake takes the reports of sources outside this process.
type intake struct {
	reporter reporter
	answers  *answers
	metrics  *telemetry.Metrics
	log      zerolog.Logger
	limits   Limits
	// others logs the accounts that report as a source of another name.
	others *impersonations
	// idle is how long a client may be silent between two reports of a stream.
	idle time.Duration
	// closing is closed when the server is shut down.
	closing <-chan struct{}
}

// take records one report of a source, or a stream of them.
func (x *intake) take(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery)
	if err != nil {
		return err
	}
	if codings := strings.Join(c.Request.Header["Content-Encoding"], ", "); isCoded(codings) {
		c.Header("Accept-Encoding", "identity")
		return unsupported("A report comes as it is, not with Content-Encoding: " + codings + ".")
	}
	body := reports.NewBody(c.Writer, c.Request.Body, x.limits.ReportBytes, x.idle, x.answers.pool.Budget)
	defer body.Release()
	given := c.GetHeader("Content-Type")
	switch media, _, _ := mime.ParseMediaType(given); media {
	case render.JSON:
		return x.takeOne(c, body, p.Pretty)
	case render.NDJSON:
		return x.takeStream(c, body)
	}
	c.Header("Accept", render.JSON+", "+render.NDJSON)
	return unsupported(fmt.Sprintf("Content-Type: %q is not for reports; %s is one report, %s many, each on a line.", given, render.JSON, render.NDJSON))
}

// isCoded reports whether a list of content codings has one that changes the body. Their
// names are the same in capitals (RFC 9110, 8.4.1).
func isCoded(codings string) bool {
	for coding := range strings.SplitSeq(codings, ",") {
		if coding = strings.Trim(coding, " \t"); coding != "" && !strings.EqualFold(coding, "identity") {
			return true
		}
	}
	return false
}

// unsupported returns the failure of a body that reports cannot have.
func unsupported(long string) error {
	return &render.Failure{Status: http.StatusUnsupportedMediaType, Title: "Unsupported media type", Description: long}
}

// takeOne records the report that is the body.
func (x *intake) takeOne(c *gin.Context, body *reports.Body, pretty bool) error {
	text, err := body.Whole(c.Request.ContentLength)
	if err != nil {
		return err
	}
	got, err := x.record(c, text)
	if err != nil {
		return err
	}
	stamp(c, got.Sequence)
	b := append(reports.AppendResult([]byte{'{'}, got), "}\n"...)
	if pretty {
		if b, err = render.Indented(b); err != nil {
			return err
		}
	}
	c.Writer.Header()["Content-Type"] = x.answers.contentType
	c.Writer.Header()["Content-Length"] = []string{strconv.Itoa(len(b))}
	c.Status(http.StatusOK)
	if _, err := c.Writer.Write(b); err != nil {
		return fmt.Errorf("%w: %w", render.ErrClientGone, err)
	}
	return nil
}

// takeStream records the reports of a stream. It answers each when it is durable, while the
// client goes on sending, and ends with the first that is refused.
func (x *intake) takeStream(c *gin.Context, body *reports.Body) error {
	if err := body.EnableFullDuplex(); err != nil {
		return err
	}
	// A stream that waits for the next report does not keep the server from closing.
	defer body.StopOn(x.closing)()
	stamp(c, x.answers.present.Moment().Sequence)
	c.Header("Content-Type", render.NDJSON)
	c.Header("X-Accel-Buffering", "no")
	c.Status(http.StatusOK)
	for {
		text, err := body.Next()
		switch {
		case errors.Is(err, io.EOF):
			c.Writer.WriteHeaderNow()
			return nil
		case errors.Is(err, render.ErrClientGone):
			return err
		}
		var got gatebook.ReportResult
		if err == nil {
			got, err = x.record(c, text)
		}
		if sendErr := x.sendLine(c, got, err); sendErr != nil || err != nil {
			return sendErr
		}
	}
}

// sendLine sends the answer to one report of a stream.
func (x *intake) sendLine(c *gin.Context, got gatebook.ReportResult, err error) error {
	status := http.StatusOK
	var f *render.Failure
	if err != nil {
		f = failureOf(err)
		c.Header("Connection", "close") // where the head is not sent yet: what is left of the body is not read
		x.metrics.ReportRefused(f.Status)
		if status = f.Status; status >= http.StatusInternalServerError {
			x.answers.failures.write(x.log, c.Request, f, err)
		}
	}
	b := strconv.AppendInt([]byte(`{"status":`), int64(status), 10)
	b = append(b, ',')
	if f != nil {
		b = append(b, f.AppendJSON(nil)[1:]...)
	} else {
		b = append(reports.AppendResult(b, got), "}\n"...)
	}
	control := http.NewResponseController(c.Writer)
	if err := render.AllowWrite(control, render.PieceTimeout); err != nil {
		return err
	}
	if _, err := c.Writer.Write(b); err != nil {
		return fmt.Errorf("%w: %w", render.ErrClientGone, err)
	}
	if err := control.Flush(); err != nil {
		return fmt.Errorf("%w: %w", render.ErrClientGone, err)
	}
	return nil
}

// record records one report. A source reports as itself only.
func (x *intake) record(c *gin.Context, text []byte) (gatebook.ReportResult, error) {
	report, err := reports.Parse(text, x.limits.ReportEvents)
	if err != nil {
		return gatebook.ReportResult{}, err
	}
	account, ok := access.AccountOf(c.Request)
	if ok && account.Role == accounts.Source && projection.NameKey(account.Name) != projection.NameKey(report.Source) {
		return gatebook.ReportResult{}, access.Forbidden(fmt.Sprintf(
			"The account %s reports as the source %s, not as %q.", account.Name, account.Name, report.Source))
	}
	if ok {
		report.Account = account.Name
		x.others.note(account.Name, c.Request.RemoteAddr, report.Source, report.Incarnation)
	}
	// The timeout makes a log that is behind an answer, where the client would only see
	// silence. The request's context is not used, because net/http ends it when the client
	// closes its sending half, and such a client still reads the answer.
	ctx, stop := context.WithTimeout(context.WithoutCancel(c.Request.Context()), reportTimeout)
	defer stop()
	return x.reporter.Report(ctx, report)
}
