package events

// Reason tells why a session or a connection ended, or why its end had to be
// inferred. The list is closed; the numbers are part of the format.
type Reason uint8

// The reasons.
const (
	ReasonNone Reason = 0
	// ReasonClientClosed: the client hung up, or its last message said so.
	ReasonClientClosed Reason = 1
	// ReasonServerClosed: the server hung up first.
	ReasonServerClosed Reason = 2
	// ReasonAuthFailed: the login was refused.
	ReasonAuthFailed Reason = 3
	// ReasonConnectFailed: no server answered.
	ReasonConnectFailed Reason = 4
	ReasonIdleTimeout   Reason = 5
	ReasonLoginTimeout  Reason = 6
	// ReasonKilled: somebody asked for it.
	ReasonKilled       Reason = 7
	ReasonNetworkError Reason = 8
	// ReasonSourceStopped: the source ended in order and took the session along.
	ReasonSourceStopped Reason = 9
	// ReasonSourceLost: a lease ran out or a new incarnation came.
	ReasonSourceLost Reason = 10
	// ReasonRegistryCrashed: only when settling the past.
	ReasonRegistryCrashed Reason = 11
	ReasonShutdown        Reason = 12
	// ReasonLimit: a limit of the service was reached.
	ReasonLimit Reason = 13
	ReasonError Reason = 14
)

// String is the reason's name, or "" for none.
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
