// SPDX-License-Identifier: GPL-2.0-only
/*
 * One question to the model and to src/mmu/walk.c, and the comparison.
 *
 * The tables exist twice: walk_tables is what they are supposed to be, which the model
 * reads; ram is the guest memory that mmu_translate() reads and writes.  After each
 * question the entries in which flags were due are compared and put back, so the two
 * are equal between questions.
 *
 * What comparing leaves open, the manuals do: of a walk that faults, accessed flags of
 * the entries that it used may be set or not.
 */
#include "../../../src/mmu/mmu.h"
#include "../mmu/world.h"
#include "walk_check.h"

u8 walk_tables[WALK_BYTES];
struct guest_walk_cpu walk_cpu;

static u8 *ram;

/* What an access came to. */
struct answer {
	bool fault;
	u64 gpa;
	u32 error_code;
};

static struct mmu *walk_mmu(void)
{
	return &world.vcpu[0].mmu;
}

void walk_begin(void)
{
	struct kvm_userspace_memory_region2 region = { .memory_size = WALK_BYTES };

	world_begin(3);
	ram = aligned_alloc(PAGE_SIZE, WALK_BYTES);
	memset(walk_tables, 0, WALK_BYTES);
	walk_put_all();
	region.userspace_addr = (u64)ram;
	if (mem_set_region(&world.mem, &region))
		abort();
}

void walk_end(void)
{
	world_end();
	free(ram);
}

void walk_put(u64 gpa, u64 entry, unsigned int bytes)
{
	memcpy(walk_tables + gpa, &entry, bytes);
	memcpy(ram + gpa, &entry, bytes);
}

void walk_put_all(void)
{
	memcpy(ram, walk_tables, WALK_BYTES);
}

bool walk_untouched(void)
{
	return !memcmp(ram, walk_tables, WALK_BYTES);
}

void walk_set_cpu(const struct guest_walk_cpu *cpu)
{
	struct mmu_regs regs = {
		.cr0 = cpu->cr0, .cr3 = cpu->cr3, .cr4 = cpu->cr4, .efer = cpu->efer,
		.pkru = cpu->pkru, .maxphyaddr = cpu->maxphyaddr, .page_1g = cpu->page_1g,
		.pdptr_held = cpu->pdpte_held, .upper_global_rsvd = cpu->upper_bit8_reserved,
	};

	memcpy(regs.pdptr, cpu->pdpte, sizeof(regs.pdptr));
	walk_cpu = *cpu;
	mmu_set_regs(walk_mmu(), &regs);
}

/* Absent memory is a bus without answer. */
static u64 model_read(void *ctx, u64 gpa, unsigned int bytes)
{
	u64 entry = 0;

	if (gpa >= WALK_BYTES)
		return bytes == 4 ? ~0u : ~0ull;
	memcpy(&entry, walk_tables + gpa, bytes);
	return entry;
}

static struct answer model_answer(const struct walk_question *q,
				  struct guest_walk_result *res)
{
	static const struct guest_walk_memory memory = { .read = model_read };

	guest_walk(&walk_cpu, &memory, q->gva, q->access, res);
	if (res->outcome == GUEST_WALK_OK)
		return (struct answer) { .gpa = res->gpa };
	return (struct answer) { .fault = true, .error_code = res->error_code };
}

static struct answer mmu_answer(const struct walk_question *q)
{
	struct mmu_exception exc = { 0 };
	u32 access = 0;
	gpa_t gpa;

	if (q->access.kind == GUEST_WALK_WRITE)
		access |= PF_ERR_WRITE;
	if (q->access.kind == GUEST_WALK_FETCH)
		access |= PF_ERR_FETCH;
	if (q->access.user)
		access |= PF_ERR_USER;
	if (q->access.implicit)
		access |= MMU_ACCESS_IMPLICIT;
	if (walk_cpu.ac)
		access |= MMU_ACCESS_AC;
	if (q->probe)
		access |= MMU_ACCESS_PROBE;
	gpa = mmu_translate(walk_mmu(), q->gva, access, &exc);
	if (gpa != INVALID_GPA)
		return (struct answer) { .gpa = gpa };
	if (exc.address != q->gva)
		return (struct answer) { .fault = true, .error_code = ~0u };
	return (struct answer) { .fault = true, .error_code = exc.error_code };
}

/* The flags that are due in an entry; one may be used at more than one level. */
static u64 flags_due(const struct guest_walk_result *res, u64 address)
{
	u64 set = 0;
	int i;

	for (i = 0; i < res->nr_used; i++)
		if (res->used[i].address == address)
			set |= res->used[i].set;
	return set;
}

/* Compare the flags, then take them back. */
static bool flags_right(const struct walk_question *q, const struct guest_walk_result *res)
{
	bool right = true;
	int i;

	for (i = 0; i < res->nr_used; i++) {
		const struct guest_walk_used *used = &res->used[i];
		u64 old = model_read(NULL, used->address, used->bytes), now = 0;
		u64 all = old | flags_due(res, used->address);

		if (used->address >= WALK_BYTES)
			continue;
		memcpy(&now, ram + used->address, used->bytes);
		if (q->probe)
			right &= now == old;
		else if (res->outcome == GUEST_WALK_OK)
			right &= now == all;
		else
			right &= (now & old) == old && (now | all) == all;
	}
	for (i = 0; i < res->nr_used; i++)
		if (res->used[i].address < WALK_BYTES)
			memcpy(ram + res->used[i].address, walk_tables + res->used[i].address,
			       res->used[i].bytes);
	return right;
}

static bool same(const struct answer *a, const struct answer *b)
{
	return a->fault == b->fault && a->gpa == b->gpa && a->error_code == b->error_code;
}

bool walk_agrees(const struct walk_question *q)
{
	struct guest_walk_result res;
	struct answer want = model_answer(q, &res);
	int idx = mem_read_lock(&world.mem);
	struct answer got = mmu_answer(q);

	mem_read_unlock(&world.mem, idx);
	return flags_right(q, &res) && same(&want, &got);
}

/* For shrinking: also count what was written elsewhere. */
static bool disagrees(const struct walk_question *q)
{
	bool agrees = walk_agrees(q) && walk_untouched();

	walk_put_all();
	return !agrees;
}

/* Clear @bits of *value if the disagreement stays.  Return: it did. */
static bool try_clear(void *value, unsigned int bytes, u64 mask,
		      const struct walk_question *q)
{
	u64 old = 0, new;

	memcpy(&old, value, bytes);
	new = old & ~mask;
	if (new == old)
		return false;
	memcpy(value, &new, bytes);
	walk_put_all();
	walk_set_cpu(&walk_cpu);
	if (disagrees(q))
		return true;
	memcpy(value, &old, bytes);
	walk_put_all();
	walk_set_cpu(&walk_cpu);
	return false;
}

static bool shrink_bits(void *value, unsigned int bytes, u64 mask,
			const struct walk_question *q)
{
	bool shrunk = try_clear(value, bytes, mask, q);
	unsigned int i;

	for (i = 0; i < bytes * 8; i++)
		shrunk |= mask >> i & 1 && try_clear(value, bytes, 1ull << i, q);
	return shrunk;
}

static bool shrink_tables(const struct walk_question *q)
{
	bool shrunk = false;
	unsigned int i;

	for (i = 0; i < WALK_BYTES; i += 4) {
		u32 word;

		memcpy(&word, walk_tables + i, 4);
		if (word)
			shrunk |= shrink_bits(walk_tables + i, 4, ~0u, q);
	}
	return shrunk;
}

/* Features, but not the mode: what is left must be a state that processors have. */
static bool shrink_cpu(struct walk_question *q)
{
	bool shrunk = false;
	int i;

	shrunk |= shrink_bits(&walk_cpu.cr0, 8, 1u << 16, q);
	shrunk |= shrink_bits(&walk_cpu.cr4, 8, 1u << 4 | 1u << 7 | 7u << 20, q);
	shrunk |= shrink_bits(&walk_cpu.efer, 8, 1u << 11, q);
	shrunk |= shrink_bits(&walk_cpu.pkru, 4, ~0u, q);
	for (i = 0; i < 4; i++)
		shrunk |= shrink_bits(&walk_cpu.pdpte[i], 8, ~0ull, q);
	shrunk |= shrink_bits(&walk_cpu.ac, 1, 1, q);
	shrunk |= shrink_bits(&walk_cpu.page_1g, 1, 1, q);
	shrunk |= shrink_bits(&walk_cpu.upper_bit8_reserved, 1, 1, q);
	shrunk |= shrink_bits(&q->access.user, 1, 1, q);
	shrunk |= shrink_bits(&q->access.implicit, 1, 1, q);
	shrunk |= shrink_bits(&q->probe, 1, 1, q);
	return shrunk;
}

static void print_answer(const char *who, const struct answer *answer)
{
	if (answer->fault)
		printf("# %s: #PF %#x", who, answer->error_code);
	else
		printf("# %s: gpa %#llx", who, (unsigned long long)answer->gpa);
}

static void print_flags(const struct walk_question *q)
{
	struct guest_walk_result res;
	struct answer answer = model_answer(q, &res);
	unsigned int i;
	int idx;

	print_answer("model", &answer);
	for (i = 0; i < res.nr_used; i++)
		printf(", [%#llx] |= %#llx", (unsigned long long)res.used[i].address,
		       q->probe ? 0 : (unsigned long long)res.used[i].set);
	printf("\n");
	idx = mem_read_lock(&world.mem);
	answer = mmu_answer(q);
	mem_read_unlock(&world.mem, idx);
	print_answer("mmu  ", &answer);
	for (i = 0; i < WALK_BYTES; i++)
		if (ram[i] != walk_tables[i])
			printf(", byte [%#x] = %#x", i, ram[i]);
	printf("\n");
	walk_put_all();
}

void walk_explain(const struct walk_question *question)
{
	static const char *const kinds[] = { "read", "write", "fetch" };
	struct walk_question q = *question;
	unsigned int i;
	u64 entry;

	walk_put_all();
	while (shrink_tables(&q) || shrink_cpu(&q))
		;
	printf("# cr0 %#llx cr3 %#llx cr4 %#llx efer %#llx pkru %#x ac %d\n",
	       (unsigned long long)walk_cpu.cr0, (unsigned long long)walk_cpu.cr3,
	       (unsigned long long)walk_cpu.cr4, (unsigned long long)walk_cpu.efer,
	       walk_cpu.pkru, walk_cpu.ac);
	printf("# maxphyaddr %u page_1g %d upper_bit8_reserved %d", walk_cpu.maxphyaddr,
	       walk_cpu.page_1g, walk_cpu.upper_bit8_reserved);
	if (walk_cpu.pdpte_held)
		for (i = 0; i < 4; i++)
			printf(" pdpte[%u] %#llx", i, (unsigned long long)walk_cpu.pdpte[i]);
	printf("\n");
	for (i = 0; i < WALK_BYTES; i += 8) {
		memcpy(&entry, walk_tables + i, 8);
		if (entry)
			printf("# [%#x] = %#llx\n", i, (unsigned long long)entry);
	}
	printf("# %s%s of gva %#llx%s%s\n", q.access.user ? "user's " : "",
	       kinds[q.access.kind], (unsigned long long)q.gva,
	       q.access.implicit ? ", implicit" : "", q.probe ? ", probe" : "");
	print_flags(&q);
}
