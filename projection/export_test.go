package projection

// The names of the tables that the registry does not use.
const (
	TableLive     = tableLive
	TableServices = tableServices
	TableServers  = tableServers
	TableSources  = tableSources
	TableTotals   = tableTotals
)

// Reindex makes the indexes of the ended sessions in memory anew.
func (s *State) Reindex() {
	for _, b := range s.unsaved.endedSince.blocks {
		b.index.Store(nil)
	}
	s.unsaved.endedSince.indexed = 0
	s.IndexEnded()
}
