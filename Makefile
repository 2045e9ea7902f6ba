# Everything here works on a fresh machine with Go, git and make. What more is needed is fetched or built once, under .cache.

export CGO_ENABLED ?= 0
export GOTOOLCHAIN ?= local

GO      ?= go
TAGS    := -tags goolm
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -s -w -X main.version=$(VERSION)

.DEFAULT_GOAL := help
.PHONY: help build demo test crash check fmt tidy vet lint arch mutants clean

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  Settings: HOMESERVER=synapse|dendrite (demo, test)   DB=sqlite|postgres (demo)   ONCE=1 (demo)   RUN=regexp (test, crash)"

build: ## Build ./causeway: one static file, no C compiler needed.
	$(GO) build $(TAGS) -trimpath -ldflags '$(LDFLAGS)' -o causeway ./cmd/causeway

demo: ## Start everything on this machine, link a simulated phone, send a message each way. ONCE=1 then ends.
	@$(GO) run $(TAGS) ./e2e/cmd/demo -homeserver '$(HOMESERVER)' -database '$(DB)' -once='$(ONCE)'

test: ## Run all tests: every package, then the real binaries with a real homeserver on SQLite and on Postgres.
	@$(GO) run $(TAGS) ./e2e/cmd/suite -homeserver '$(HOMESERVER)' -run '$(RUN)'

crash: ## Prove that nothing is lost, doubled or reordered: kills and outages while people talk; about 13 minutes. SEED=number repeats one.
	@$(GO) run $(TAGS) ./e2e/cmd/crash -seed '$(or $(SEED),0)' -run '$(RUN)'

check: fmt tidy vet lint arch ## Check format, modules, vet, lint and the rules of the architecture; quick.
	@echo "check: all good"

fmt: ## Check the format of all Go files.
	@files=$$(gofmt -l $$(git ls-files -co --exclude-standard '*.go')); \
	if [ -n "$$files" ]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi

tidy: ## Check that go.mod names just what is used.
	$(GO) mod tidy -diff

vet: ## Run go vet.
	$(GO) vet $(TAGS) ./...

lint: ## Run golangci-lint, built once from the version pinned in e2e/lint.
	@$(GO) run $(TAGS) ./e2e/cmd/provision lint -- run --allow-serial-runners ./...

arch: ## Check the rules on packages, imports and sizes, and that docs/features.md is true.
	$(GO) test $(TAGS) ./archtest ./e2e/features

mutants: ## Break the bridge on purpose, one guard at a time, and see the tests notice.
	$(GO) run $(TAGS) ./e2e/mutants

clean: ## Remove what was built. What was fetched stays in .cache.
	rm -f causeway wasim
