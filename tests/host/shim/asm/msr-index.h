/* SPDX-License-Identifier: GPL-2.0-only */
/* What the pure files use of the kernel's list of MSRs. */
#ifndef SHIM_MSR_INDEX_H
#define SHIM_MSR_INDEX_H

#define EFER_LME	(1 << 8)
#define EFER_LMA	(1 << 10)
#define EFER_NX		(1 << 11)

#endif
