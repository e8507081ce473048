package events

// Reason is why a session or a connection ended, or why its end was inferred. The list
// is closed; the numbers are part of the format.
type Reason uint8

// The reasons.
const (
	ReasonNone Reason = 0
	// ReasonClientClosed: the client closed the connection, or its last message
	// announced it.
	ReasonClientClosed Reason = 1
	// ReasonServerClosed: the server closed the connection first.
	ReasonServerClosed Reason = 2
	// ReasonAuthFailed: the login was refused.
	ReasonAuthFailed Reason = 3
	// ReasonConnectFailed: no server answered.
	ReasonConnectFailed Reason = 4
	ReasonIdleTimeout   Reason = 5
	ReasonLoginTimeout  Reason = 6
	// ReasonKilled: a kill was requested.
	ReasonKilled       Reason = 7
	ReasonNetworkError Reason = 8
	// ReasonSourceStopped: the source stopped in order and ended the session.
	ReasonSourceStopped Reason = 9
	// ReasonSourceLost: a lease expired or a new incarnation started.
	ReasonSourceLost Reason = 10
	// ReasonRegistryCrashed: the registry inferred it at start, after a crash.
	ReasonRegistryCrashed Reason = 11
	ReasonShutdown        Reason = 12
	// ReasonLimit: a limit of the service was reached.
	ReasonLimit Reason = 13
	ReasonError Reason = 14
)

// String returns the reason's name, or "" for an unknown reason.
func (r Reason) String() string {
	switch r {
	case ReasonClientClosed:
		return "client_closed"
	case ReasonServerClosed:
		return "server_closed"
	case ReasonAuthFailed:
		return "auth_failed"
	case ReasonConnectFailed:
		return "connect_failed"
	case ReasonIdleTimeout:
		return "idle_timeout"
	case ReasonLoginTimeout:
		return "login_timeout"
	case ReasonKilled:
		return "killed"
	case ReasonNetworkError:
		return "network_error"
	case ReasonSourceStopped:
		return "source_stopped"
	case ReasonSourceLost:
		return "source_lost"
	case ReasonRegistryCrashed:
		return "registry_crashed"
	case ReasonShutdown:
		return "shutdown"
	case ReasonLimit:
		return "limit"
	case ReasonError:
		return "error"
	}
	return ""
}

// ParseReason returns the reason of that name.
func ParseReason(name string) (Reason, bool) {
	for r := ReasonClientClosed; r <= ReasonError; r++ {
		if r.String() == name {
			return r, true
		}
	}
	return ReasonNone, false
}
