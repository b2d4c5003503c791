/* SPDX-License-Identifier: GPL-2.0-only */
/* A host with every feature. */
#ifndef SHIM_ASM_CPUFEATURE_H
#define SHIM_ASM_CPUFEATURE_H

#include <stdbool.h>

enum shim_cpu_feature {
	X86_FEATURE_ARCH_CAPABILITIES = 1,
	X86_FEATURE_LFENCE_RDTSC,
	X86_FEATURE_MSR_SPEC_CTRL,
	X86_FEATURE_RDTSCP,
	X86_FEATURE_XSAVES,
};

static inline bool boot_cpu_has(enum shim_cpu_feature feature)
{
	return feature != 0;
}

#endif
