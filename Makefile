# Concord. `make test` is the gate: what it passes may be merged, here and in CI.
# It needs Go, gcc for the race detector and ssh-agent for the witnesses in tests;
# everything else it builds itself, once, into the user's cache.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

GO ?= go
# Tests run in a container too, where git may not read the checkout; only
# `make build` stamps the revision, and only where it can. All but the race
# detector's step compiles as `make build` does, so that nothing is compiled twice.
export GOFLAGS := $(GOFLAGS) -buildvcs=false -trimpath
export CGO_ENABLED := 0
VCS := $(shell git rev-parse HEAD >/dev/null 2>&1 && echo true || echo false)

# Packages that are tested or linked at the same time.
P ?= 2
# How long one Fuzz target runs in `make fuzz`.
FUZZTIME ?= 20s
# What `make bench` runs, and for how long each.
BENCH ?= .
BENCHTIME ?= 1s
# Where `make build` puts the binary.
BIN ?= bin/concord
# The packages of the default targets.
PKGS ?= ./...

# Tools: each is a module of its own in .ci/tools, so that its dependencies
# never meet ours, and one binary in the cache, named by its version.
TOOLS_DIR := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/concord-tools
tool_version = $(shell awk '$$1 == "$(2)" {print $$2; exit}' .ci/tools/$(1)/go.mod)
GOLANGCI := $(TOOLS_DIR)/golangci-lint-$(call tool_version,golangci-lint,github.com/golangci/golangci-lint/v2)
REGAL := $(TOOLS_DIR)/regal-$(call tool_version,regal,github.com/open-policy-agent/regal)
# Real programs for tests, which find them by these variables: a database server,
# what others verify and witness logs with, and a key server with one of its logins.
FERRETDB := $(TOOLS_DIR)/ferretdb-$(call tool_version,ferretdb,github.com/FerretDB/FerretDB)
FSCK := $(TOOLS_DIR)/fsck-$(call tool_version,tessera,github.com/transparency-dev/tessera)
LITEWITNESS := $(TOOLS_DIR)/litewitness-$(call tool_version,torchwood,filippo.io/torchwood)
VAULT := $(TOOLS_DIR)/vault-$(call tool_version,vault,github.com/hashicorp/vault)
VAULT_KUBERNETES := $(TOOLS_DIR)/vault-kubernetes-$(call tool_version,vault,github.com/hashicorp/vault-plugin-auth-kubernetes)
TEST_TOOLS := $(FERRETDB) $(FSCK) $(LITEWITNESS) $(VAULT) $(VAULT_KUBERNETES)
export CONCORD_TEST_FERRETDB ?= $(FERRETDB)
export CONCORD_TEST_FSCK ?= $(FSCK)
export CONCORD_TEST_LITEWITNESS ?= $(LITEWITNESS)
export CONCORD_TEST_VAULT ?= $(VAULT)
export CONCORD_TEST_VAULT_KUBERNETES ?= $(VAULT_KUBERNETES)

# The steps of `make test`, in the order in which they fail soonest.
STEPS := tools fmt-check vet lint rego race unraced attacks bench-once build

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: test
test: ## the gate: format, vet, lint, Rego, tests with the race detector, attacks counted, benchmarks once, build
	@begin=$$SECONDS; summary=; \
	for step in $(STEPS); do \
	  printf '\n==> %s\n' "$$step"; at=$$SECONDS; \
	  if ! $(MAKE) "$$step"; then \
	    printf '%s\n\nFAILED  %s after %ds; later steps were not run. Again: make %s\n' "$$summary" "$$step" $$((SECONDS - at)) "$$step"; exit 1; \
	  fi; \
	  printf -v summary '%s\n  ok  %-10s %4ds' "$$summary" "$$step" $$((SECONDS - at)); \
	done; \
	printf '%s\n\nPASSED  %d steps in %ds\n' "$$summary" $(words $(STEPS)) $$((SECONDS - begin))

# The race detector makes these three to ten times slower, and has nothing to find in
# them. Packages: neither their code nor their tests start a goroutine. Tests: they count,
# flip bytes, compile, run the command, restart a gateway, fail one write after the other;
# what runs beside them (a gateway, a log, a job, a second judge) other tests have there
# too. `race` leaves out exactly what `unraced` runs, since both read these lists;
# TestUnraced holds that no name is that of two tests, and that nothing in them starts a
# goroutine.
SEQUENTIAL := ./gateway/agreement ./gateway/approval ./gateway/authoring ./gateway/config ./gateway/dataset \
  ./gateway/httpapi/contract ./gateway/intake ./gateway/linkage ./gateway/notekey ./gateway/policy/bundle \
  ./gateway/record ./gateway/release ./gateway/synthetic ./gateway/text
UNRACED := \
  TestScripts TestInvariant07MillionRows TestTimeOfForbiddenAndAbsent TestAccessMatrix TestRetentionModel \
  TestFaultEveryLogWrite TestFaultTamper TestInvariant04EveryByte TestInvariant04Tampering \
  TestInvariant07Accounts TestInvariant07EveryWriteFails TestInvariant07EveryWriteOfAWithdrawalFails \
  TestWideRows TestBrokenBody TestWithdrawMany TestThreeJudges TestMemoDecidesAsTheEngine \
  TestMemoReadsConditions TestMemoReadsRules TestConditionsThatDeny TestConditionsOnTrial TestConditionsRefused \
  TestRego TestLongRuleIsCutOff TestAuditOfServer TestVerifyOverHTTP TestInvariant10SameInputSameDecision \
  TestInvariant10RevisionCoversWhatDecides TestThreeJudgesOfCases TestMemoNumbers TestMemoFindsThatItIsUnsound \
  TestInvariant02FieldOutsideAgreementsIsNeverReleased TestArchiveFlipped TestRevisionOfChoice TestSuspensions \
  TestReadRefuses TestImportAfterAStop TestImportOfRotatedLogKey TestImportCutOff TestManyNotNoted TestSlowLog
# Almost every test of these packages starts a whole gateway, or several, or what the rules
# of one need, with the same machinery in each (compiler, sequencer, jobs, sweeps), and
# asks one question after the other. The race detector sees those in which something is
# at once: requests, gateways, rules that change, jobs that are cut off; the rest only
# repeats it. TestAtOnce finds, in what a test calls too, who may not be missing here.
GATEWAYS := ./gateway ./gateway/activation ./gateway/backup ./gateway/replay
AT_ONCE := \
  TestAgencyQuotaOfManyAtOnce TestEditionsAtOnce TestFaultQueueOverflow TestFreezeAtOnce TestHostOfOthers \
  TestHostileHTTP TestHotSwapOneRevisionPerRequest TestLimitAtOnce TestLimitsLetWorkThrough \
  TestQuotaOfManyAtOnce TestSlowClients TestSlowLine TestTwoGateways TestTwoGatewaysQuota \
  TestInvariant07AnotherGatewaysSubmission TestRevokeBesideGateway TestRetentionInTheBackground \
  TestClientThatHangsUp TestClientJob TestFaultClientGone TestInvariant07RestartOfAll \
  TestInvariant07InterruptedSubmission TestInvariant07ClientOnAWeakLine TestInvariant01LoggedBeforeReleased \
  TestInvariant03VaultSealed TestRun TestTwoGatewaysOnOneLog TestTwoGatewaysWithOtherBundles \
  TestWhileWritersWrite TestWithdrawnDuringTheBackup TestReplayQuota TestServingChangesNoDecision \
  TestProofAtTwoGateways TestRevokeOnSeveralGateways TestFaultKill TestInvariant01DiskFull
none :=
one_of = ($(subst $(none) $(none),|,$(strip $(1))))
unraced = ^$(call one_of,$(UNRACED))$$
at_once = ^$(call one_of,$(AT_ONCE))$$
# The one that takes longest first: it uses every core, and nobody waits for it alone.
longest = ./gateway/policy
unraced_dirs = $(longest) $(filter-out $(longest) $(SEQUENTIAL),$(shell grep -rlE '^func $(call one_of,$(UNRACED))\b' --include='*_test.go' gateway cmd | xargs -r -n1 dirname | sort -u | sed 's,^,./,'))
packages = $(eval packages := $(patsubst $(shell $(GO) list -m)/%,./%,$(shell $(GO) list $(PKGS))))$(packages)
raced = $(filter-out $(SEQUENTIAL) $(GATEWAYS),$(packages))
gateways = $(filter $(GATEWAYS),$(packages))

# SQLite is C in the form of Go, and its memory is its own: of addresses outside Go's
# heap and data the detector is told and makes nothing (runtime.racecalladdr). What it
# shares with Go is seen where our side and the driver touch it. -vet=off: that is a
# step of its own, with more checks.
RACE = CONCORD_TEST_REQUIRE=1 CGO_ENABLED=1 GOGC=400 $(GO) test -race -gcflags=modernc.org/sqlite/lib=-race=false -vet=off -p $(P) -timeout 10m
.PHONY: race
race: $(TEST_TOOLS) ## every test but those of `unraced`, with the race detector; a test that cannot run is a failure
	$(if $(raced),$(RACE) -skip='$(unraced)' $(raced))
	$(if $(gateways),$(RACE) -run='$(at_once)' $(gateways))

.PHONY: unraced
unraced: $(TEST_TOOLS) ## the tests that `race` leaves out, in full, with 50,000 requests to the judges
	CONCORD_TEST_REQUIRE=1 CONCORD_JUDGED=50000 GOGC=400 $(GO) test -vet=off -run='$(unraced)' -p $(P) -timeout 10m $(unraced_dirs)
	CONCORD_TEST_REQUIRE=1 GOGC=400 $(GO) test -vet=off -skip='$(at_once)' -p $(P) -timeout 10m $(GATEWAYS)
	CONCORD_TEST_REQUIRE=1 GOGC=400 $(GO) test -vet=off -p $(P) -timeout 10m $(SEQUENTIAL)

.PHONY: judges
judges: ## 50,000 random requests, on which the rules and an oracle in Go must agree, and what replaying takes for the same
	CONCORD_JUDGED=50000 GOGC=400 $(GO) test -run='^Test(ThreeJudges|Memo.*)$$' -v -timeout 10m ./gateway/policy | grep -v '^=== '

# Every line is reported by the test that injected the fault, when it has passed.
FAULTS := ^Test(Fault|Invariant01(HostileStore|Crash|DiskFull|Gateways|KilledGateways))
.PHONY: faults
faults: $(FERRETDB) ## the faults and tampers that are injected, how often, and what came of each
	@CONCORD_TEST_REQUIRE=1 $(GO) test -count=1 -p $(P) -timeout 10m -run='$(FAULTS)' -v ./gateway ./gateway/audit ./cmd/concord | \
	  awk -F' [|] ' '/FAULT [|]/ { k = $$2 " | " $$3 " | " $$5; if (!(k in n)) order[++keys] = k; n[k] += $$4; all += $$4 } \
	    /^ *--- FAIL|^FAIL|panic:/ { print; bad = 1 } \
	    END { for (i = 1; i <= keys; i++) { split(order[i], f, " [|] "); printf "%-58s  %-8s  %5d  %s\n", f[1], f[2], n[order[i]], f[3] | "sort"; if (f[1] ~ /^tamper/) t += n[order[i]] } \
	      close("sort"); printf "%d injected: %d faults and %d tampers\n", all, all - t, t; exit bad || !all }'

# Every line is reported by the test that made the attack, when it was refused.
attack_dirs = $(shell grep -rlF 'gateway/attacktest"' --include='*_test.go' gateway cmd | xargs -r -n1 dirname | sort -u | sed 's,^,./,')
ATTACKS := ^Test(Attack|Hostile|Proof|Certificate|Binding|RSA|Mapping|TypeJWT|Services|Meddled|RestoreForged|Flood|Refused|TLS|IDToken|AnotherAgency|Presented|RolesAndObjects|Access|Handshake|ClientCertificates|Origin|SlowClients|LinksOfToken|HostOfOthers|Limit(Of|At)|GatewayPolicy|OperatorPolicy|TimeOf|Invariant05No)
export CONCORD_TEST_ATTACKS = $(ATTACKS)
.PHONY: attacks
attacks: $(TEST_TOOLS) ## the attacks that are tried, how many of each sort and what each covers; fails unless all were refused and SECURITY.md says the same
	@CONCORD_TEST_REQUIRE=1 $(GO) test -count=1 -p $(P) -timeout 10m -run='$(ATTACKS)' -v $(attack_dirs) | awk -f .ci/attacks.awk SECURITY.md -

.PHONY: quick
quick: $(TEST_TOOLS) ## every test, without the race detector
	$(GO) test -p $(P) -timeout 10m $(PKGS)

.PHONY: fmt
fmt: $(REGAL) ## write Go and Rego in the one format
	gofmt -w cmd gateway policies schemas
	$(REGAL) fix --force policies

.PHONY: fmt-check
fmt-check:
	@bad=$$(gofmt -l cmd gateway policies schemas); \
	if [ -n "$$bad" ]; then printf 'not in gofmt format (make fmt):\n%s\n' "$$bad"; exit 1; fi

.PHONY: vet
vet:
	$(GO) vet $(PKGS)

.PHONY: lint
lint: $(GOLANGCI) ## golangci-lint over everything
	$(GOLANGCI) run --allow-parallel-runners $(PKGS)

.PHONY: rego
rego: $(REGAL) ## regal over the policies; their tests are Go tests of gateway/policy
	REGAL_DISABLE_CHECK_VERSION=1 $(REGAL) lint policies

.PHONY: build
build: ## the binary, without cgo
	$(GO) build -buildvcs=$(VCS) -ldflags='-s -w' -o $(BIN) ./cmd/concord

.PHONY: demo
demo: ## the whole story on the terminal
	$(GO) run ./cmd/concord demo --once

# Directories with a benchmark. One that needs minutes is called BenchmarkSoak;
# the gate leaves out sizes of five digits and more, and asks for -short.
bench_dirs = $(shell grep -rlE '^func Benchmark' --include='*_test.go' gateway cmd | xargs -r -n1 dirname | sort -u | sed 's,^,./,')

.PHONY: bench
bench: $(VAULT) $(VAULT_KUBERNETES) ## the figures that the README quotes
	$(GO) test -run='^$$' -bench='$(BENCH)' -skip='^BenchmarkSoak' -benchtime=$(BENCHTIME) -benchmem -p 1 -timeout 30m $(bench_dirs)

# That they run at all: small sizes, one round, no figures to rely on.
.PHONY: bench-once
bench-once: $(VAULT) $(VAULT_KUBERNETES)
	$(GO) test -vet=off -short -run='^$$' -bench=. -skip='^BenchmarkSoak|/=[0-9]{5,}$$' -benchtime=1x -p $(P) -timeout 5m $(bench_dirs)

.PHONY: soak
soak: $(TEST_TOOLS) ## what takes long: every test of whole gateways with the race detector, concurrent packages over and over, kills for half an hour, large sizes; up to three hours
	CONCORD_TEST_PATIENCE=1 $(RACE) -timeout 1h $(GATEWAYS)
	CONCORD_TEST_REQUIRE=1 CGO_ENABLED=1 GOGC=400 $(GO) test -race -count=10 -p 1 -timeout 1h ./gateway/audit/... ./gateway/store/... ./gateway/submission/...
	$(MAKE) timing
	CONCORD_TEST_REQUIRE=1 CONCORD_TEST_KILLS=30m CGO_ENABLED=1 $(GO) test -race -run='^TestInvariant01KilledGateways$$' -v -timeout 1h ./cmd/concord
	$(GO) test -run='^$$' -bench='^BenchmarkSoak' -benchtime=1x -p 1 -timeout 1h $(bench_dirs)
	$(GO) test -run='^$$' -bench='/=[0-9]{5,}$$' -benchtime=$(BENCHTIME) -benchmem -p 1 -timeout 1h $(bench_dirs)

.PHONY: timing
timing: ## 10,000 pairs of requests about what is forbidden to know and what is not there: no difference, where 50 microseconds are found
	CONCORD_TEST_PAIRS=10000 $(GO) test -count=1 -run='^TestTimeOfForbiddenAndAbsent$$' -v -timeout 1h ./gateway/httpapi | grep -v '^=== '

.PHONY: million
million: ## 1,000,000 rows to a gateway that is killed twice on the way: every row accounted for; rate and memory
	CONCORD_TEST_ROWS=1000000 $(GO) test -count=1 -run='^TestInvariant07MillionRows$$' -v -timeout 2h ./cmd/concord | grep -v '^=== '

.PHONY: fuzz
fuzz: ## each Fuzz target for FUZZTIME
	@grep -rHoE '^func Fuzz[A-Za-z0-9_]+' --include='*_test.go' gateway cmd | while IFS=: read -r file func; do \
	  name=$${func#func }; echo "==> $$name ($${file%/*})"; \
	  $(GO) test -run='^$$' -fuzz="^$$name\$$" -fuzztime=$(FUZZTIME) "./$${file%/*}"; \
	done

.PHONY: tools
tools: $(GOLANGCI) $(REGAL) $(TEST_TOOLS) ## build the linters and the programs for tests, once for each version

$(GOLANGCI):
	$(call build_tool,golangci-lint,github.com/golangci/golangci-lint/v2/cmd/golangci-lint)

$(REGAL):
	$(call build_tool,regal,github.com/open-policy-agent/regal)

$(FERRETDB):
	$(call build_tool,ferretdb,.)

$(FSCK):
	$(call build_tool,tessera,github.com/transparency-dev/tessera/cmd/fsck)

$(LITEWITNESS):
	$(call build_tool,torchwood,filippo.io/torchwood/cmd/litewitness)

# Some minutes and 140 MB, without the plug-ins that its own tag leaves out. BUSL: for
# tests, and never shipped.
$(VAULT):
	$(call build_tool,vault,github.com/hashicorp/vault,-tags minimal)

# One of those plug-ins, as a program that Vault starts.
$(VAULT_KUBERNETES):
	$(call build_tool,vault,github.com/hashicorp/vault-plugin-auth-kubernetes/cmd/vault-plugin-auth-kubernetes)

# Built beside its place and moved, so that an interrupted build leaves nothing
# that looks like a tool. -mod=readonly: what runs is what go.sum names.
# $(call build_tool,FOLDER,PACKAGE[,FLAGS])
define build_tool
	@echo "building $(notdir $@) (once)"; mkdir -p $(@D)
	@cd .ci/tools/$(1) && $(GO) build -mod=readonly $(3) -ldflags='-s -w' -o $@.$$$$ $(2) && mv $@.$$$$ $@
endef

.PHONY: clean
clean: ## remove what was built here; tools and the build cache stay
	rm -rf bin coverage.* *.prof *.test
