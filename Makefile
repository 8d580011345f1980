# deploystackd: see README.md.  GNU make; everything it makes is under $(BUILD).

VERSION    := 0.1.0
BUILD      ?= build
prefix     ?= /usr/local
sbindir    ?= $(prefix)/sbin
bindir     ?= $(prefix)/bin
libexecdir ?= $(prefix)/libexec/deploystackd
datadir    ?= $(prefix)/share/deploystackd
mandir     ?= $(prefix)/share/man

ifeq ($(origin CC),default)
CC = gcc
endif
# `make V=1` shows the commands.
Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-4s %s\n' $(1) $(2))
CSTD     = -std=c17 -D_GNU_SOURCE
WARNINGS = -Wall -Wextra -Werror -Wformat=2 -Wformat-security -Wshadow -Wvla \
           -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wundef \
           -Wimplicit-fallthrough -Wwrite-strings -Wno-unused-parameter \
           -Werror=format-security -Werror=implicit -Werror=incompatible-pointer-types -Werror=int-conversion
# clang before 16 does not take this one without a second, discouraged option.
INIT_ZERO := $(shell echo 'int x;' | $(CC) -ftrivial-auto-var-init=zero -x c -c -o /dev/null - 2>/dev/null && echo -ftrivial-auto-var-init=zero)
# OpenSSF compiler options hardening guide for C and C++.
HARDENING = -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
            -fstack-clash-protection -fcf-protection=full -fPIE -fno-delete-null-pointer-checks \
            -fno-strict-overflow -fno-strict-aliasing -fno-common $(INIT_ZERO)
# CET: Debian's start files have no landing pads, so binaries can be marked for
# shadow stacks only; all of our own code has both.
LDHARDENING = -pie -Wl,-z,shstk -Wl,-z,ibtplt -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,nodlopen -Wl,--as-needed
# `make asan` and `make fuzz` replace these.
SANITIZE ?=
OPTIMIZE ?= $(HARDENING)

CPPFLAGS += -I. -I$(BUILD) -DDEPLOYSTACKD_VERSION='"$(VERSION)"'
ALL_CFLAGS  = $(CSTD) $(WARNINGS) $(OPTIMIZE) $(SANITIZE) -MMD -MP $(CFLAGS)
ALL_LDFLAGS = $(LDHARDENING) $(SANITIZE) $(LDFLAGS)

# One folder, one static library; a program is its folder's main.c and the
# libraries below it.  Arrows point down only (tests/style checks the includes).
COMPONENTS := base ipc sandbox supervisor api-worker db-worker cli
sources     = $(filter-out $(1)/main.c,$(wildcard $(1)/*.c))
objects     = $(patsubst %.c,$(BUILD)/obj/%.o,$(call sources,$(1)))
library     = $(BUILD)/lib/lib$(1).a

LIBS_supervisor := supervisor sandbox ipc base
LIBS_api-worker := api-worker sandbox ipc base
LIBS_db-worker  := db-worker sandbox ipc base
LIBS_cli        := cli base

SYSLIBS_supervisor := -levent_core -lcjson -lsodium -lseccomp
SYSLIBS_api-worker := -levent_core -lcjson -lsodium -lseccomp
SYSLIBS_db-worker  := -levent_core -lsqlite3 -lcjson -lsodium -lseccomp -lpthread
SYSLIBS_cli        := -lcurl -lcjson -lsodium

PROGRAM_supervisor := deploystackd
PROGRAM_api-worker := api-worker
PROGRAM_db-worker  := db-worker
PROGRAM_cli        := deploystackctl
PROGRAMS := $(foreach c,supervisor api-worker db-worker cli,$(BUILD)/$(PROGRAM_$(c)))

.PHONY: all unit run test test-programs asan fuzz bench install clean docs deps
.DELETE_ON_ERROR:
.SECONDARY:

all: $(PROGRAMS)

define component_rules
$(call library,$(1)): $(call objects,$(1))
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(call say,AR,$$@)
	$$(Q)$$(AR) rcs $$@ $$^
endef
$(foreach c,$(COMPONENTS),$(eval $(call component_rules,$(c))))

define program_rules
$(BUILD)/$(PROGRAM_$(1)): $(BUILD)/obj/$(1)/main.o $(foreach l,$(LIBS_$(1)),$(call library,$(l)))
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $(SYSLIBS_$(1))
endef
$(foreach c,supervisor api-worker db-worker cli,$(eval $(call program_rules,$(c))))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<

# ---- pages that the api-worker serves, as C arrays ----
ASSETS := $(wildcard api-worker/assets/*)
$(BUILD)/gen/assets.inc: $(ASSETS) api-worker/embed-assets.sh
	@mkdir -p $(@D)
	sh api-worker/embed-assets.sh $(ASSETS) > $@
$(BUILD)/obj/api-worker/assets.o: $(BUILD)/gen/assets.inc

# ---- unit tests: tests/unit/<component>/test_*.c, one program each ----
UNIT_SOURCES := $(wildcard tests/unit/*/test_*.c)
UNIT_TESTS   := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SOURCES))
# A unit test may use its own component and all below it.
unit_libs = $(if $(LIBS_$(1)),$(LIBS_$(1)),$(if $(filter ipc,$(1)),ipc base,$(if $(filter sandbox,$(1)),sandbox base,base)))
define unit_rule
$(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(1)): $(1) $(wildcard tests/unit/*.h) $(foreach l,$(call unit_libs,$(word 3,$(subst /, ,$(1)))),$(call library,$(l)))
	@mkdir -p $$(@D)
	$$(call say,TEST,$$@)
	$$(Q)$$(CC) $$(CPPFLAGS) $$(ALL_CFLAGS) $$(ALL_LDFLAGS) -o $$@ $(1) $(foreach l,$(call unit_libs,$(word 3,$(subst /, ,$(1)))),$(call library,$(l))) \
	    -lcmocka -levent_core -lsqlite3 -lcjson -lsodium -lseccomp -lcurl -lpthread
endef
$(foreach s,$(UNIT_SOURCES),$(eval $(call unit_rule,$(s))))
unit: $(UNIT_TESTS)

# ---- other test programs ----
ESCAPE_SOURCES := $(wildcard tests/escape/*.c)
$(BUILD)/escape: $(ESCAPE_SOURCES) $(wildcard tests/escape/*.h) $(call library,ipc) $(call library,sandbox) $(call library,base)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -MMD -MP,$(ALL_CFLAGS)) $(ALL_LDFLAGS) -o $@ $(ESCAPE_SOURCES) \
	    $(BUILD)/lib/libsandbox.a $(BUILD)/lib/libipc.a $(BUILD)/lib/libbase.a \
	    -levent_core -lsqlite3 -lcjson -lsodium -lseccomp -lpthread

$(BUILD)/evil-api-worker: tests/integration/evil_api_worker.c $(call library,ipc) $(call library,base)
	$(call say,TEST,$@)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -MMD -MP,$(ALL_CFLAGS)) $(ALL_LDFLAGS) -o $@ $< \
	    $(BUILD)/lib/libipc.a $(BUILD)/lib/libbase.a -lcjson -lsodium

TEST_PROGRAMS = $(UNIT_TESTS) $(BUILD)/escape $(BUILD)/evil-api-worker $(BUILD)/message-reference

test-programs: all $(TEST_PROGRAMS)

test:
	sh scripts/install-deps.sh test
	$(MAKE) test-programs
	tests/run --build $(BUILD) $(SUITES)

# The escape suite and the check of the binaries are about the real build.
asan:
	sh scripts/install-deps.sh test
	$(MAKE) BUILD=build-asan OPTIMIZE="-O1 -g -fno-omit-frame-pointer -fPIE" LDHARDENING=-pie \
	    SANITIZE="-fsanitize=address,undefined -fno-sanitize-recover=undefined" all \
	    $(patsubst $(BUILD)/%,build-asan/%,$(UNIT_TESTS)) build-asan/evil-api-worker
	tests/run --build build-asan unit integration

# ---- fuzzing: clang's libFuzzer, each target for FUZZ_SECONDS ----
FUZZ_SECONDS ?= 30
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_FLAGS = $(CSTD) $(WARNINGS) -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
fuzz_sources = $(wildcard base/*.c ipc/*.c) $(filter-out api-worker/main.c api-worker/assets.c,$(wildcard api-worker/http_*.c))
fuzz: $(addprefix build-fuzz/,$(FUZZERS))
	for f in $(FUZZERS); do \
	    mkdir -p build-fuzz/corpus/$$f && \
	    build-fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 -timeout=10 -verbosity=0 \
	        -print_final_stats=0 -artifact_prefix=build-fuzz/ build-fuzz/corpus/$$f tests/fuzz/corpus/$$f || exit 1; \
	done
	@echo "$(words $(FUZZERS)) passed, 0 failed"
build-fuzz/%: tests/fuzz/fuzz_%.c $(fuzz_sources)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	$(Q)clang $(CPPFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer -o $@ $< $(fuzz_sources) \
	    -lcjson -lsodium -levent_core -lpthread

# ---- figures ----
bench: all $(BUILD)/bench/bare-evhttp $(BUILD)/bench/load $(BUILD)/bench/durable-loop
	python3 tests/bench/bench.py --build $(BUILD)
$(BUILD)/bench/bare-evhttp: tests/bench/bare_evhttp.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CSTD) $(WARNINGS) $(HARDENING) $(LDHARDENING) -o $@ $< -levent_core -levent_extra
$(BUILD)/bench/durable-loop: tests/bench/durable_loop.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CSTD) $(WARNINGS) $(HARDENING) $(LDHARDENING) -o $@ $< -lsqlite3
$(BUILD)/bench/load: tests/bench/load.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CSTD) $(WARNINGS) $(HARDENING) $(LDHARDENING) -o $@ $<

# ---- documentation from the tables ----
$(BUILD)/message-reference: tests/tools/message_reference.c $(call library,ipc) $(call library,base)
	$(Q)$(CC) $(CPPFLAGS) $(filter-out -MMD -MP,$(ALL_CFLAGS)) $(ALL_LDFLAGS) -o $@ $< \
	    $(BUILD)/lib/libipc.a $(BUILD)/lib/libbase.a -lcjson -lsodium
docs: $(BUILD)/message-reference
	@mkdir -p $(BUILD)/docs
	$(BUILD)/message-reference > $(BUILD)/docs/messages.md
	@echo $(BUILD)/docs/messages.md

deps:
	sh scripts/install-deps.sh run

run:
	sh scripts/install-deps.sh run
	$(MAKE) all
	exec $(BUILD)/deploystackd

install: all
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(bindir) $(DESTDIR)$(libexecdir) \
	    $(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man8 \
	    $(DESTDIR)$(datadir)/migrations_sqlite/meta $(DESTDIR)$(datadir)/global-settings
	install -m 755 $(BUILD)/deploystackd $(DESTDIR)$(sbindir)/
	install -m 755 $(BUILD)/deploystackctl $(DESTDIR)$(bindir)/
	install -m 755 $(BUILD)/api-worker $(BUILD)/db-worker $(DESTDIR)$(libexecdir)/
	install -m 644 migrations_sqlite/*.sql $(DESTDIR)$(datadir)/migrations_sqlite/
	install -m 644 migrations_sqlite/meta/*.json $(DESTDIR)$(datadir)/migrations_sqlite/meta/
	install -m 644 global-settings/*.json $(DESTDIR)$(datadir)/global-settings/
	install -m 644 docs/man/deploystackctl.1 $(DESTDIR)$(mandir)/man1/
	install -m 644 docs/man/deploystackd.8 $(DESTDIR)$(mandir)/man8/
	install -d $(DESTDIR)$(prefix)/lib/systemd/system
	install -m 644 packaging/deploystackd.service packaging/deploystackd.socket \
	    $(DESTDIR)$(prefix)/lib/systemd/system/

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD) build-*
