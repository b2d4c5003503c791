# SPDX-License-Identifier: GPL-2.0-only
# The instruction emulator: against the CPU, the manuals, and noise.

emul-src := $(patsubst $(top)/%,%,$(wildcard $(top)/src/emul/*.c))
emul-cflags := -O2 -fno-sanitize-recover=all -I$(top)/tests/host/shim

programs += emul-directed emul-differential emul-noise

emul-directed-src := $(emul-src) tests/host/emul/mock.c \
	$(patsubst $(top)/%,%,$(wildcard $(top)/tests/host/emul/directed*.c))
emul-directed-cflags := $(emul-cflags)
emul-directed-variants := none address+undefined

emul-differential-src := $(emul-src) $(addprefix tests/host/emul/, \
	differential.c cases.c native.c templates.c)
emul-differential-cflags := $(emul-cflags)
emul-differential-variants := none address+undefined

emul-noise-src := $(emul-src) tests/host/emul/mock.c tests/host/emul/noise.c
emul-noise-cflags := $(emul-cflags)
emul-noise-variants := none address+undefined
