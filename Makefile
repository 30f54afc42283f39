# The commands of this project. Everything they make is in .venv (plus caches that `make clean` removes);
# `make help` lists them.

PYTHON ?= python3
# How many tests run at the same time, where they do not measure time; 0 is one after the other, in one process.
JOBS ?= 2
# More interpreters for which the single file holds compiled code.
PYTHONS ?=

# Values from the command line only: some shells have a HOST of their own in the environment.
ifneq ($(origin HOST),command line)
unexport HOST TO FROM
endif

.NOTPARALLEL:
.PHONY: help demo test test-unit lint fuzz mutation generate pyz deb deb-client rpm dist client bench pictures clean FORCE
.DEFAULT_GOAL := help

help:
	@echo 'make demo    send a mail through an embedded SMTP server with the real plugin and show what happened'
	@echo '             HOST=mx.example.org TO=bob@example.org [FROM=…] [ARGS=…]  use your own server instead'
	@echo 'make test    run the tests, two at a time         ARGS="-k launcher -x" goes to pytest; JOBS=0 one at a time'
	@echo 'make test-unit  run those of the modules, which need no server, no root and no program'
	@echo 'make lint    run ruff and mypy'
	@echo 'make fuzz    generated conversations and parsers for FUZZ_SECONDS (600); exits with 1 where anything is found'
	@echo 'make mutation  change the code in every way mutmut knows and see whether the tests notice (half an hour)'
	@echo 'make generate  write what contrib/ has for Icinga and Grafana anew'
	@echo 'make pyz     build dist/check_smtp_status.pyz: one file that needs nothing but Python'
	@echo 'make deb     build dist/check-smtp-status_VERSION_all.deb (with dpkg-deb)'
	@echo 'make deb-client  build the Debian package of the thin client and the resident (with a C compiler)'
	@echo 'make client  build dist/check_smtp_status, the thin client of smtp_statusd (C)  PLUGIN=… SOCKET=… are fixed in it'
	@echo 'make rpm     build dist/check-smtp-status-VERSION-1.noarch.rpm (with rpmbuild), the single file inside'
	@echo 'make dist    build a release into dist/: sdist, wheel, pyz, deb, rpm, checksums; see RELEASE.md'
	@echo '             PYTHONS="python3.9 python3.12" adds compiled code for these to what pyz, rpm and dist make'
	@echo 'make bench   measure cost and accuracy beside swaks, check_smtp, smtp-source and smtplib (minutes, as root)'
	@echo 'make pictures  take and draw the pictures of docs/ that make bench does not draw (as root, with chromium)'
	@echo 'make clean   remove the virtual environment, builds and caches'
	@echo
	@echo 'PYTHON=/path/to/python3 chooses the interpreter (3.9 or newer); the environment is made anew for it.'

demo: .venv/demo.stamp
	@.venv/bin/python demo/demo.py

# Two at a time, a file at once; then, alone, those that measure time. A file or a name may be in one of the two only:
# pytest's exit status 5 says that nothing was selected.
test: .venv/test.stamp
	.venv/bin/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not timing" $(ARGS) || [ $$? -eq 5 ]
	.venv/bin/python -m pytest -m timing $(ARGS) || [ $$? -eq 5 ]

test-unit: .venv/test.stamp
	.venv/bin/python -m pytest -n $(JOBS) tests/unit $(ARGS)

lint: .venv/lint.stamp
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

FUZZ_SECONDS ?= 600
fuzz: .venv/fuzz.stamp
	PYTHONPATH=plugin:tests .venv/bin/python -m fuzzing --seconds $(FUZZ_SECONDS)

mutation: .venv/mutation.stamp
	.venv/bin/python tests/helpers/mutation.py $(ARGS)

generate:
	$(PYTHON) contrib/generate.py

# The smallest environment that has what the plugin is built on.
pyz: .venv/demo.stamp
	.venv/bin/python contrib/pyz.py dist/check_smtp_status.pyz $(PYTHONS)

deb:
	$(PYTHON) contrib/deb.py dist

deb-client:
	$(PYTHON) contrib/clientdeb.py dist

CC ?= cc
CFLAGS ?= -O2
CLIENT ?= dist/check_smtp_status
PLUGIN ?= /usr/lib/check-smtp-status/check_smtp_status
SOCKET ?= /run/smtp-statusd/socket
WARNINGS = -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Werror
# Without a dynamic loader it starts in three quarters of the time. Where libc is there for that: else with one.
STATIC ?= $(if $(filter /%,$(shell $(CC) -print-file-name=rcrt1.o)),-fPIE -static-pie)

# Built anew each time: what is fixed in it stands on the command line.
client:
	@mkdir -p $(dir $(CLIENT))
	$(CC) $(CPPFLAGS) $(CFLAGS) $(WARNINGS) -DPLUGIN='"$(PLUGIN)"' -DSOCKET='"$(SOCKET)"' $(STATIC) $(LDFLAGS) \
	    -o $(CLIENT) client/check_smtp_status.c

rpm: .venv/demo.stamp
	.venv/bin/python contrib/rpm.py dist $(PYTHONS)

# Empties dist/ first.
dist: .venv/dist.stamp
	.venv/bin/python contrib/dist.py dist $(PYTHONS)

# Writes bench/RESULTS.md and the pictures of docs/. ARGS=--short runs everything once and writes nothing.
bench: .venv/bench.stamp
	.venv/bin/python bench/run.py $(ARGS)
	.venv/bin/python bench/resident.py $(ARGS)

pictures: .venv/test.stamp
	$(PYTHON) docs/pictures.py
	PYTHONPATH=plugin:tests .venv/bin/python -m helpers.screenshot .venv/packages docs

clean:
	rm -rf .venv build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis plugin/*.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp for each extra; installed anew when the metadata changed, editable, so never when the code did.
.venv/%.stamp: .venv/interpreter setup.cfg pyproject.toml plugin/smtp_status/__init__.py
	.venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

# Asked every time, written (and the environment made anew) only when Python or this directory is another one than
# last time. One asking runs at a time, hence no -j.
.venv/interpreter: FORCE
	@wanted=$$($(PYTHON) -c 'import os, sys; print(os.getcwd(), sys.base_prefix, sys.version.split()[0])') || exit 1; \
	if [ "$$wanted" != "$$(cat $@ 2>/dev/null)" ]; then \
	    rm -rf .venv && $(PYTHON) -m venv .venv && echo "$$wanted" > $@; \
	fi
