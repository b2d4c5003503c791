/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each test program includes: the kselftest harness, the library, and a few assertions of our own.
 */
#ifndef SELFTESTS_LIB_TEST_H
#define SELFTESTS_LIB_TEST_H

#include "kselftest_harness.h"
#include "guest.h"

/* runs the vCPU until an exit that must be this one */
#define ASSERT_RUN(vcpu, reason) do {							\
	u32 reason__ = vcpu_run_to_exit(vcpu);						\
	if (reason__ != (reason)) {							\
		TH_LOG("exit %s, expected %s", exit_name(reason__), exit_name(reason));	\
		vcpu_dump(vcpu);							\
	}										\
	ASSERT_EQ((u32)(reason), reason__);						\
} while (0)

/* code between a pair of labels in an asm block at file level */
#define SNIPPET(name, body)								\
	asm(".pushsection .rodata\n"							\
	    #name "_begin:\n" body "\n" #name "_end:\n"					\
	    ".code64\n.popsection\n");							\
	extern const u8 name##_begin[], name##_end[]
#define PUT_SNIPPET(vm, gpa, name) vm_put_code(vm, gpa, name##_begin, name##_end)

/* value of the last PIO exit's first item, by its size */
static inline u32 io_value(const struct vcpu *vcpu)
{
	const void *data = (const u8 *)vcpu->run + vcpu->run->io.data_offset;

	switch (vcpu->run->io.size) {
	case 1: return *(const u8 *)data;
	case 2: return *(const u16 *)data;
	default: return *(const u32 *)data;
	}
}

static inline void *io_data(struct vcpu *vcpu)
{
	return (u8 *)vcpu->run + vcpu->run->io.data_offset;
}

#endif
