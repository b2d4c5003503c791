// SPDX-License-Identifier: GPL-2.0-only
/*
 * Attributes: a group, a number in it, and 64 bits at an address.
 *
 * A vCPU has one, the TSC's offset.  It says what KVM_SET_MSRS can not, without
 * depending on when it is said: so a VMM moves a guest's time.
 *
 * The node has one, the XSAVE components of guests: some the VMM may have only
 * after it has asked the host for them, and so has to know.
 */
#include <linux/uaccess.h>

#include "attribute.h"
#include "machine.h"

static u64 get_tsc_offset(struct vcpu *vcpu)
{
	return vcpu->clock.tsc_offset;
}

static const struct attribute_row {
	u32 group;
	u64 attr;
	u64 (*get)(struct vcpu *vcpu);
	void (*set)(struct vcpu *vcpu, u64 value);
} attribute_rows[] = {
	{ KVM_VCPU_TSC_CTRL, KVM_VCPU_TSC_OFFSET, get_tsc_offset, clock_set_tsc_offset },
};

/* 0 with *@row, or as the functions of the header. */
static int attribute_find(const struct kvm_device_attr *attr,
			  const struct attribute_row **row)
{
	unsigned int i;

	if (attr->flags)
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(attribute_rows); i++) {
		*row = &attribute_rows[i];
		if ((*row)->group == attr->group && (*row)->attr == attr->attr)
			return 0;
	}
	return -ENXIO;
}

int attribute_has(struct vcpu *vcpu, const struct kvm_device_attr *attr)
{
	const struct attribute_row *row;

	return attribute_find(attr, &row);
}

int attribute_get(struct vcpu *vcpu, const struct kvm_device_attr *attr)
{
	const struct attribute_row *row;
	int ret = attribute_find(attr, &row);

	return ret ? ret : put_user(row->get(vcpu), (u64 __user *)attr->addr);
}

int attribute_set(struct vcpu *vcpu, const struct kvm_device_attr *attr)
{
	const struct attribute_row *row;
	int ret = attribute_find(attr, &row);
	u64 value;

	if (ret)
		return ret;
	if (get_user(value, (u64 __user *)attr->addr))
		return -EFAULT;
	row->set(vcpu, value);
	return 0;
}

int attribute_has_host(const struct kvm_device_attr *attr)
{
	if (attr->flags)
		return -EINVAL;
	return attr->group || attr->attr != KVM_X86_XCOMP_GUEST_SUPP ? -ENXIO : 0;
}

int attribute_get_host(const struct kvm_device_attr *attr)
{
	int ret = attribute_has_host(attr);

	return ret ? ret : put_user(cpuid_host_xcr0(), (u64 __user *)attr->addr);
}
