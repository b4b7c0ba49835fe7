# SPDX-License-Identifier: LGPL-2.1-or-later
# Thin, over Meson: `make demo` and `make check` do all their own set-up on a bare Debian 12.
PREFIX ?= /usr/local
BUILD  ?= build
MESON  ?= meson
PLAIN   = env -u LIBRARY_PATH -u CPATH -u LD_LIBRARY_PATH
SETUP   = $(PLAIN) $(MESON) setup --prefix=$(PREFIX)

.PHONY: all build demo check newer packages matrix quick deps install uninstall format tidy fuzz mutate clean

all: build

deps:
	@./tools/deps.sh

build: deps
	@test -f $(BUILD)/build.ninja || $(SETUP) $(BUILD)
	@$(PLAIN) ninja -C $(BUILD)

demo: build
	@./tools/demo.sh $(BUILD)

check: build
	@./tools/check.sh

# The same on QEMU and libvirt of Debian's backports, with a log of its own.
newer: build
	@$(MESON) test -t 4 --num-processes $$(($$(nproc) * 2)) -C $(BUILD) --suite newer --logbase newer --print-errorlogs

# Debian packages of what is committed, built twice, installed and removed in a bare Debian and run under systemd, and RPMs (root). A quarter of an hour.
packages:
	@BUILD=$(BUILD) ./tools/packages.sh

# What the check has no time for: threads under TSan, the agent under valgrind, a 32-bit build. Some ten minutes (root).
matrix: deps
	@./tools/matrix.sh

# The habit while working: the unit tests of an existing build.
quick:
	@$(MESON) test -C $(BUILD) --suite unit --print-errorlogs

# The prefix may be another than at the first set-up. Without symbols: the hook's program is read from the disk at a node's first start.
install: build
	@$(MESON) configure $(BUILD) -Dprefix=$(PREFIX)
	@$(PLAIN) ninja -C $(BUILD)
	@DESTDIR='$(DESTDIR)' $(MESON) install --strip -C $(BUILD)

# Not while hooks are in force, unless with FORCE=1.
uninstall:
	@CPULIFT=$(BUILD)/cpulift ./data/removal.sh || [ -n "$(FORCE)" ]
	@ninja -C $(BUILD) uninstall

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

tidy: build
	@BUILD=$(BUILD) ./tools/gate.sh tidy

fuzz: deps
	@./tools/fuzz.sh

# Can the tests fail? Some minutes.
mutate: deps
	@./tools/mutate.sh

clean:
	@rm -rf build build-asan build-threads build-memory build-narrow demo
