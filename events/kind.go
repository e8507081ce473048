package events

// Kind is the kind of an event. The numbers are part of the format: a kind keeps its
// number, and a number is never used again.
type Kind uint8

// The kinds, in their groups.
const (
	KindSourceStarted Kind = 1
	KindSourceStopped Kind = 2
	KindSourceLost    Kind = 3
	KindSourceSeen    Kind = 4

	KindServiceDeclared Kind = 8
	KindServerDeclared  Kind = 9
	KindServerChanged   Kind = 10

	KindSessionOpened    Kind = 16
	KindSessionReady     Kind = 17
	KindSessionClosed    Kind = 18
	KindSessionLost      Kind = 19
	KindSessionRecovered Kind = 20
	KindLoginFailed      Kind = 21

	KindConnectionOpened Kind = 24
	KindConnectionFailed Kind = 25
	KindConnectionClosed Kind = 26

	KindStatisticsRecorded Kind = 32

	KindKillScheduled Kind = 40
	KindKillRequested Kind = 41
	KindKillWithdrawn Kind = 42

	KindRecordingGap   Kind = 48
	KindAccountChanged Kind = 49
	KindHoldChanged    Kind = 50
	KindRecordsPruned  Kind = 51
	KindPersonErased   Kind = 52
	KindLogRestored    Kind = 53
	KindKeyRotated     Kind = 54
)

// String returns the kind's name, such as "session_opened", or "" for an unknown kind.
func (k Kind) String() string {
	switch k {
	case KindSourceStarted:
		return "source_started"
	case KindSourceStopped:
		return "source_stopped"
	case KindSourceLost:
		return "source_lost"
	case KindSourceSeen:
		return "source_seen"
	case KindServiceDeclared:
		return "service_declared"
	case KindServerDeclared:
		return "server_declared"
	case KindServerChanged:
		return "server_changed"
	case KindSessionOpened:
		return "session_opened"
	case KindSessionReady:
		return "session_ready"
	case KindSessionClosed:
		return "session_closed"
	case KindSessionLost:
		return "session_lost"
	case KindSessionRecovered:
		return "session_recovered"
	case KindLoginFailed:
		return "login_failed"
	case KindConnectionOpened:
		return "connection_opened"
	case KindConnectionFailed:
		return "connection_failed"
	case KindConnectionClosed:
		return "connection_closed"
	case KindStatisticsRecorded:
		return "statistics_recorded"
	case KindKillScheduled:
		return "kill_scheduled"
	case KindKillRequested:
		return "kill_requested"
	case KindKillWithdrawn:
		return "kill_withdrawn"
	case KindRecordingGap:
		return "recording_gap"
	case KindAccountChanged:
		return "account_changed"
	case KindHoldChanged:
		return "hold_changed"
	case KindRecordsPruned:
		return "records_pruned"
	case KindPersonErased:
		return "person_erased"
	case KindLogRestored:
		return "log_restored"
	case KindKeyRotated:
		return "key_rotated"
	}
	return ""
}

// Kinds returns every kind, in ascending order of number.
func Kinds() []Kind {
	var kinds []Kind
	for k := Kind(1); k <= KindKeyRotated; k++ {
		if k.String() != "" {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// New returns an empty event of kind k, nil for an unknown kind.
func New(k Kind) Event {
	switch k {
	case KindSourceStarted:
		return &SourceStarted{}
	case KindSourceStopped:
		return &SourceStopped{}
	case KindSourceLost:
		return &SourceLost{}
	case KindSourceSeen:
		return &SourceSeen{}
	case KindServiceDeclared:
		return &ServiceDeclared{}
	case KindServerDeclared:
		return &ServerDeclared{}
	case KindServerChanged:
		return &ServerChanged{}
	case KindSessionOpened:
		return &SessionOpened{}
	case KindSessionReady:
		return &SessionReady{}
	case KindSessionClosed:
		return &SessionClosed{}
	case KindSessionLost:
		return &SessionLost{}
	case KindSessionRecovered:
		return &SessionRecovered{}
	case KindLoginFailed:
		return &LoginFailed{}
	case KindConnectionOpened:
		return &ConnectionOpened{}
	case KindConnectionFailed:
		return &ConnectionFailed{}
	case KindConnectionClosed:
		return &ConnectionClosed{}
	case KindStatisticsRecorded:
		return &StatisticsRecorded{}
	case KindKillScheduled:
		return &KillScheduled{}
	case KindKillRequested:
		return &KillRequested{}
	case KindKillWithdrawn:
		return &KillWithdrawn{}
	case KindRecordingGap:
		return &RecordingGap{}
	case KindAccountChanged:
		return &AccountChanged{}
	case KindHoldChanged:
		return &HoldChanged{}
	case KindRecordsPruned:
		return &RecordsPruned{}
	case KindPersonErased:
		return &PersonErased{}
	case KindLogRestored:
		return &LogRestored{}
	case KindKeyRotated:
		return &KeyRotated{}
	}
	return nil
}
