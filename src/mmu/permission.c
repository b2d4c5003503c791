// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rules of access rights, one function per rule; no state.
 *
 * The processor accumulates the rights of all entries of a walk: an access is
 * for user mode if all have U, may write if all have W, may not fetch if one has
 * NX.  On top come the modes that keep the supervisor from user pages (SMEP for
 * fetches, SMAP for data) and the keys that user pages carry.
 */
#include "format.h"
#include "permission.h"

static bool denies_write(u32 perm, u64 entries, u32 access)
{
	if (!(access & PF_ERR_WRITE) || entries & PT_WRITE)
		return false;
	return access & PF_ERR_USER || perm & PERM_WP;
}

static bool denies_fetch(u32 perm, u64 entries, u32 access)
{
	if (!(access & PF_ERR_FETCH))
		return false;
	if (perm & PERM_NXE && entries & PT_NX)
		return true;
	return perm & PERM_SMEP && !(access & PF_ERR_USER) && entries & PT_USER;
}

static bool denies_data_of_user(u32 perm, u64 entries, u32 access)
{
	if (!(perm & PERM_SMAP) || !(entries & PT_USER))
		return false;
	if (access & (PF_ERR_USER | PF_ERR_FETCH))
		return false;
	return access & MMU_ACCESS_IMPLICIT || !(access & MMU_ACCESS_AC);
}

/* Two bits per key: access disable, write disable. */
static bool denies_key(u32 perm, u32 pkru, const struct permission_rights *rights,
		       u32 access)
{
	u32 key = pkru >> (rights->pkey * 2);

	if (!(perm & PERM_PKU) || !(rights->entries & PT_USER) ||
	    access & PF_ERR_FETCH)
		return false;
	if (key & 1)
		return true;
	return key & 2 && access & PF_ERR_WRITE &&
	       (access & PF_ERR_USER || perm & PERM_WP);
}

/* The processor's own accesses are the supervisor's, whatever the CPL. */
static u32 by_whom(u32 access)
{
	return access & MMU_ACCESS_IMPLICIT ? access & ~PF_ERR_USER : access;
}

u32 permission_error_code(u32 perm, u32 access)
{
	u32 code = by_whom(access) & (PF_ERR_WRITE | PF_ERR_USER);

	if (access & PF_ERR_FETCH && perm & (PERM_NXE | PERM_SMEP))
		code |= PF_ERR_FETCH;
	return code;
}

u32 permission_fault(u32 perm, u32 pkru, const struct permission_rights *rights,
		     u32 access)
{
	u64 entries = rights->entries;
	bool denied, key;

	access = by_whom(access);
	denied = (access & PF_ERR_USER && !(entries & PT_USER)) ||
		 denies_write(perm, entries, access) ||
		 denies_fetch(perm, entries, access) ||
		 denies_data_of_user(perm, entries, access);
	key = denies_key(perm, pkru, rights, access);
	if (!denied && !key)
		return 0;
	/* What a key denies is reported also if the entries deny it. */
	return PF_ERR_PRESENT | (key ? PF_ERR_PK : 0) |
	       permission_error_code(perm, access);
}
