# What a change has to pass, and what go itself does not say as shortly.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c

# The tools are pinned in a module of their own, apart from the product's.
tool := go tool -modfile=.ci/tools/go.mod
# What make bench runs, and how often each.
BENCH ?= .
COUNT ?= 5

# The tests of the gateway that take longest. What they move passes through other tests as well.
long := KillInCommand|StalledLogins|SilentMySQLServer|Garbage|Replication|DiskFull|Sysbench|Pgbench|Crowd|ProtocolNegotiation

.DEFAULT_GOAL := help
.PHONY: help build run test shipped e2e pictures soak lint fuzz fixture bench cover picture clean

help: ## Show the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

build: ## Build the binary ./gatebook
	CGO_ENABLED=0 go build -trimpath -ldflags "$$(.ci/stamp)" -o gatebook ./cmd/gatebook

run: build ## Build and start the server, with its data in ./gatebook-data
	./gatebook serve

test: shipped ## Run all tests with the race detector, and those of make shipped; install the test servers that are missing
	go test -race -shuffle=on -timeout 20m ./...

# With the race detector the relay reads and writes its sockets by other calls
# (relay/socket_raw.go and socket_plain.go), so that its tests run without it too.
shipped: ## Run the tests of the relay and most of the gateway's without the race detector, on the code that ships
	.ci/install-servers
	go test -shuffle=on -parallel 8 -skip '$(long)' ./cmd/gatebook/gateway/...

e2e: ## Check the web page's files, and drive it in Chromium against a real server with real traffic
	.ci/install-servers --page
	.ci/web/check
	cd cmd/gatebook/e2e && go vet . && go test -count=1 -parallel 3 .

pictures: ## Make the pictures of the web page that README shows, from a run with real databases
	.ci/install-servers --page
	cd cmd/gatebook/e2e && E2E_README="$$PWD/../../../docs" go test -count=1 -run ReadmePictures .

soak: ## Run what is too large for make test: 50 MiB through the gateway, 1,000 sessions over a full disk, 10,000 idle sessions, 100,000 reported ones, suites of database drivers, 20,000 damages of the log, 10,500 of the archive, 100,000 faults of the disk
	.ci/install-servers
	go vet -tags soak . ./cmd/... ./httpd ./storage ./internal/faults
	go test -tags soak -v -run 'DumpAndRestore|Copy|DiskFull' ./cmd/gatebook/gateway
	go test -tags soak -v -run 'Crowd|TopIsCheap' ./cmd/gatebook
	go test -tags soak -v -run 'ManyReports' ./httpd
	.ci/drivers
	go test -tags soak -v -timeout 60m -run 'TrialLarge' ./storage
	go test -tags soak -v -timeout 60m -run 'DamagedArchiveTrial' .
	go test -tags soak -v -timeout 180m ./internal/faults

lint: ## Check formatting, go vet, staticcheck, zerologlint and go.mod
	@unformatted=$$($(tool) gofumpt -l .); \
	if [[ -n $$unformatted ]]; then \
		echo "not formatted; run $(tool) gofumpt -w on:"; echo "$$unformatted"; exit 1; \
	fi >&2
	go vet ./...
	$(tool) staticcheck ./...
	go vet -vettool="$$($(tool) -n zerologlint)" ./...
	go mod tidy -diff

fuzz: ## Fuzz every decoder for 5 seconds each (FUZZTIME=1m for longer)
	.ci/fuzz

fixture: ## Write testdata/released/VERSION, the files that every later version opens (VERSION=0.2.0)
	GATEBOOK_FIXTURE='$(VERSION)' go test -count=1 -run TestMakeReleased .

bench: ## Run the benchmarks and sum them up (BENCH=pattern COUNT=5)
	folders=$$(.ci/folders-with '^func Benchmark'); \
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $$folders | tee bench.out
	@$(tool) benchstat bench.out

cover: ## Show how much of each package the tests reach
	.ci/install-servers
	go test -coverprofile=cover.out ./...
	@go tool cover -func=cover.out | tail -n 1

picture: ## Make the picture of gatebook top in the README again, of a real run (docs/top.svg)
	.ci/install-servers
	go test -tags picture -count 1 -run Picture ./cmd/gatebook

clean: ## Remove what the other targets left behind
	rm -f gatebook bench.out cover.out
