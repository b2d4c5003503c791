// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel does this work in xfer_to_guest_mode_handle_work(), of which some
 * parts (task_work_run() for one) cannot be reached by a module in another way.
 * Before 7.0 that function takes a struct kvm_vcpu and, when a signal is pending,
 * writes an exit reason through vcpu->run and counts in vcpu->stat.  We have no
 * such structure: it gets one that exists for this purpose only and that nobody
 * reads, so that tasks racing in it do no harm.
 *
 * This is the one file that sees <linux/kvm_host.h>.
 */
#include <linux/kvm_host.h>

#include "work.h"

static struct kvm_run sink_run;
static struct kvm_vcpu sink = { .run = &sink_run };

int host_work_handle(void)
{
	int ret = xfer_to_guest_mode_handle_work(&sink);

	return ret < 0 ? ret : 0;
}
