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
LDHARDENING = -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,nodlopen -Wl,--as-needed
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

.PHONY: all run test asan fuzz bench install clean docs style deps deps-test
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
$(BUILD)/api-worker/assets.inc: $(ASSETS) api-worker/embed-assets.sh
	@mkdir -p $(@D)
	sh api-worker/embed-assets.sh $(ASSETS) > $@
$(BUILD)/obj/api-worker/assets.o: $(BUILD)/api-worker/assets.inc

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

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD) build-*
