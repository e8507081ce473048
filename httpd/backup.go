package httpd

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/rs/zerolog"

	"gatebook"
	"gatebook/httpd/access"
	"gatebook/httpd/accounts"
	"gatebook/httpd/control"
	"gatebook/httpd/params"
	"gatebook/httpd/render"
	"gatebook/storage"
)

// contentTar is the media type of a backup.
const contentTar = "application/x-tar"

// backups sends copies of the log.
type backups struct {
	registry healthReader
	version  string
	log      zerolog.Logger
	closing  <-chan struct{}
}

// send sends the log as of now, from the segment on that the client asks for.
func (b *backups) send(c *gin.Context) error {
	p, err := params.Parse(c.Request.URL.RawQuery, params.From, params.Seal, params.Secrets)
	if err != nil {
		return err
	}
	if _, known := access.AccountOf(c.Request); p.Secrets && !known {
		if _, local := control.PeerOf(c.Request); !local {
			return access.Forbidden("Nobody has to log in to this server, and the key and the accounts are for those alone who do; gatebook backup on the server's machine can have them.")
		}
	}
	c.Header("Content-Type", contentTar)
	c.Header("Cache-Control", "no-store")
	o := gatebook.BackupOptions{From: p.From, Seal: p.Seal, Secrets: p.Secrets, Version: b.version, Accounts: accounts.Check}
	if c.Request.Method == http.MethodHead {
		err := b.registry.CheckBackup(c.Request.Context(), o)
		if err == nil {
			c.Status(http.StatusOK)
		}
		return backupFailure(c.Request, err)
	}
	began, to := time.Now(), &pieceWriter{c: c, closing: b.closing}
	plan, err := b.registry.Backup(c.Request.Context(), to, o)
	level, sequence := zerolog.InfoLevel, uint64(0)
	if err != nil {
		level = zerolog.WarnLevel
	}
	if plan != nil {
		sequence = plan.Sequence
	}
	b.log.WithLevel(level).Err(err).Str("actor", access.Actor(c.Request)).Uint64("from", max(p.From, 1)).Uint64("sequence", sequence).
		Bool("secrets", p.Secrets).Int64("bytes", to.written).Dur("took", time.Since(began)).Msg("backup")
	return backupFailure(c.Request, err)
}

// backupFailure returns the failure of a request for a backup.
func backupFailure(r *http.Request, err error) error {
	if other := (*storage.OtherHistoryError)(nil); errors.As(err, &other) {
		return &render.Failure{Status: http.StatusConflict, Title: "Another log", Description: sentence(other.Reason)}
	}
	if side := (*storage.SideFileError)(nil); errors.As(err, &side) {
		file := filepath.Base(side.File)
		if _, local := control.PeerOf(r); local {
			file = side.File
		}
		text := fmt.Sprintf("%s cannot be backed up: %v. Nothing in the backup was replaced.", file, side.Err)
		if filepath.Base(file) == storage.KeyFile {
			text += " The server has the key that it was started with in memory, and makes another one with gatebook key rotate while it runs."
		}
		return &render.Failure{Status: http.StatusInternalServerError, Title: "A file beside the log is damaged", Description: text}
	}
	if errors.Is(err, gatebook.ErrNoFiles) {
		return errNoFiles()
	}
	return err
}

// pieceWriter writes an answer whose client has [render.PieceTimeout] for each piece.
type pieceWriter struct {
	c       *gin.Context
	closing <-chan struct{}
	written int64
}

func (w *pieceWriter) Write(b []byte) (n int, err error) {
	select {
	case <-w.closing:
		return 0, errors.New("the server is stopping")
	default:
	}
	if err := render.AllowWrite(http.NewResponseController(w.c.Writer), render.PieceTimeout); err != nil {
		return 0, err
	}
	n, err = w.c.Writer.Write(b)
	w.written += int64(n)
	if err != nil {
		err = fmt.Errorf("%w: %w", render.ErrClientGone, err)
	}
	return n, err
}
