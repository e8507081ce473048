package projection

// The names of the tables that the registry does not use.
const (
	TableLive     = tableLive
	TableServices = tableServices
	TableServers  = tableServers
	TableSources  = tableSources
	TableTotals   = tableTotals
)
