package projection

// The names of the tables that the registry need not know.
const (
	TableLive     = tableLive
	TableServices = tableServices
	TableServers  = tableServers
	TableSources  = tableSources
	TableTotals   = tableTotals
)
