# SPDX-License-Identifier: GPL-2.0-only
# The instruction emulator: against the CPU, the manuals, and noise.

emul-src := $(patsubst $(top)/%,%,$(wildcard $(top)/src/emul/*.c))
emul-cflags := -fno-sanitize-recover=all -I$(top)/tests/host/shim

# $(call emul-suite,NAME,MORE SOURCES,VARIANTS)
define emul-suite
programs += emul-$(1)
emul-$(1)-src := $$(emul-src) $$(addprefix tests/host/emul/,$(2) test_$(1).c)
emul-$(1)-cflags := $$(emul-cflags)
emul-$(1)-family := emul
emul-$(1)-variants := $(3)
endef

$(eval $(call emul-suite,decode,mock.c,address+undefined))
$(eval $(call emul-suite,memory,mock.c,address+undefined))
$(eval $(call emul-suite,real,mock.c,address+undefined))
$(eval $(call emul-suite,protected,mock.c,address+undefined))
$(eval $(call emul-suite,system,mock.c,address+undefined))
$(eval $(call emul-suite,noise,mock.c,address+undefined))
$(eval $(call emul-suite,differential,cases.c native.c program.c templates.c,none address+undefined))
