# SPDX-License-Identifier: GPL-2.0-only
# What CPUID is offered, and how the entry of a leaf is found.

programs += cpuid
cpuid-src := src/x86/cpuid_map.c src/x86/cpuid_offer.c tests/host/cpuid/test_cpuid.c
cpuid-cflags := -I$(top)/tests/host/shim
cpuid-variants := address+undefined
