// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random and hostile arguments to every ioctl of the three kinds of fd, and random register state to run with: an errno
 * is the worst that may come of it, and the next VM works. The kernel's log is judged by who runs this.
 *
 * The seed is printed, and may be given as QUIRE_SEED; QUIRE_ROUNDS multiplies the work.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>

#define ARGUMENT_SIZE 16384
#define ARENA (4 * MiB)

static u64 seed;
static u32 rounds;

/* xorshift; good enough to be nasty */
static u64 next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static u64 pick(const u64 *values, u32 count)
{
	return values[next_random() % count];
}

struct hostile {
	struct vm vm;
	u8 *arena;		/* the only memory of ours that may become a guest's */
	u8 *argument;		/* ARGUMENT_SIZE bytes that end where nothing is mapped */
	int node, vm_fd, vcpu_fd;
	struct kvm_run *run;
};

FIXTURE(hostile) {
	struct hostile h;
};

static void fresh_vm(struct hostile *h)
{
	if (h->run)
		munmap(h->run, h->vm.run_size);
	if (h->vm_fd >= 0) {
		close(h->vcpu_fd);
		close(h->vm_fd);
	}
	h->vm_fd = kvm_must(h->node, KVM_CREATE_VM, NULL);
	if (next_random() % 2) {
		struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { 24 } };

		kvm_must(h->vm_fd, KVM_ENABLE_CAP, &cap);
	}
	h->vcpu_fd = kvm_ioctl_n(h->vm_fd, KVM_CREATE_VCPU, 0);
	h->run = mmap(NULL, h->vm.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, h->vcpu_fd, 0);
	if (h->run == MAP_FAILED)
		die("mmap of the vCPU");
}

FIXTURE_SETUP(hostile)
{
	struct rlimit files = { 4096, 4096 };
	const char *text = getenv("QUIRE_SEED");
	struct hostile *h = &self->h;

	setrlimit(RLIMIT_NOFILE, &files);
	seed = text ? strtoull(text, NULL, 0) : 0x2545f4914f6cdd1d;
	text = getenv("QUIRE_ROUNDS");
	rounds = text ? strtoul(text, NULL, 0) : 1;
	TH_LOG("seed %#lx, rounds %u", (long)seed, rounds);
	vm_create(&h->vm, 0);
	h->node = h->vm.node;
	h->vm_fd = -1;
	h->arena = host_memory(ARENA, 2 * MiB);
	h->argument = host_memory(ARGUMENT_SIZE + PAGE_SIZE, PAGE_SIZE);
	mprotect(h->argument + ARGUMENT_SIZE, PAGE_SIZE, PROT_NONE);
	fresh_vm(h);
}

/* a VM made before all this, and one made after it, still work */
FIXTURE_TEARDOWN(hostile)
{
	static const u8 code[] = { 0xb0, 0x5a, 0xe6, 0x80, 0xf4 };	/* mov $0x5a, %al; out %al, $0x80; hlt */
	struct vm vm, *vms[2] = { &self->h.vm, &vm };
	int i;

	close(self->h.vcpu_fd);
	close(self->h.vm_fd);
	vm_create(&vm, 0);
	for (i = 0; i < 2; i++) {
		struct vcpu *vcpu = vcpu_create(vms[i], 0);

		memcpy(vm_hva(vms[i], REAL_BASE), code, sizeof(code));
		vcpu_set_mode(vcpu, MODE_REAL);
		vcpu_set_entry(vcpu, REAL_BASE, 0x8000);
		ASSERT_RUN(vcpu, KVM_EXIT_IO);
		EXPECT_EQ(0x5a, io_value(vcpu));
		ASSERT_RUN(vcpu, KVM_EXIT_HLT);
		vm_destroy(vms[i]);
	}
}

/* what this project offers; an unknown command is tried now and then as well */
#define EACH_NODE_COMMAND \
	KVM_GET_API_VERSION, KVM_CHECK_EXTENSION, KVM_GET_VCPU_MMAP_SIZE, KVM_GET_SUPPORTED_CPUID, \
	KVM_GET_EMULATED_CPUID, KVM_GET_MSR_INDEX_LIST, KVM_GET_MSR_FEATURE_INDEX_LIST, KVM_GET_MSRS, \
	KVM_X86_GET_MCE_CAP_SUPPORTED
#define EACH_VM_COMMAND \
	KVM_CHECK_EXTENSION, KVM_SET_USER_MEMORY_REGION, KVM_SET_USER_MEMORY_REGION2, KVM_SET_TSS_ADDR, \
	KVM_SET_IDENTITY_MAP_ADDR, KVM_CREATE_VCPU, KVM_ENABLE_CAP, KVM_GET_CLOCK, KVM_SET_CLOCK, KVM_SIGNAL_MSI, \
	KVM_SET_GSI_ROUTING, KVM_SET_BOOT_CPU_ID, KVM_GET_DIRTY_LOG, KVM_IRQ_LINE, KVM_IRQ_LINE_STATUS, \
	KVM_X86_SET_MSR_FILTER, KVM_GET_TSC_KHZ, KVM_SET_TSC_KHZ
#define EACH_VCPU_COMMAND \
	KVM_GET_REGS, KVM_SET_REGS, KVM_GET_SREGS, KVM_SET_SREGS, KVM_GET_SREGS2, KVM_SET_SREGS2, KVM_GET_FPU, \
	KVM_SET_FPU, KVM_GET_XSAVE, KVM_SET_XSAVE, KVM_GET_XSAVE2, KVM_GET_XCRS, KVM_SET_XCRS, KVM_GET_MSRS, \
	KVM_SET_MSRS, KVM_GET_CPUID2, KVM_SET_CPUID2, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, KVM_GET_VCPU_EVENTS, \
	KVM_SET_VCPU_EVENTS, KVM_GET_MP_STATE, KVM_SET_MP_STATE, KVM_GET_LAPIC, KVM_SET_LAPIC, KVM_NMI, KVM_SMI, \
	KVM_INTERRUPT, KVM_GET_TSC_KHZ, KVM_SET_TSC_KHZ, KVM_TRANSLATE, KVM_SET_GUEST_DEBUG, KVM_SET_SIGNAL_MASK, \
	KVM_KVMCLOCK_CTRL, KVM_TPR_ACCESS_REPORTING, KVM_SET_VAPIC_ADDR, KVM_X86_SETUP_MCE, KVM_X86_SET_MCE, \
	KVM_ENABLE_CAP

static const u64 node_commands[] = { EACH_NODE_COMMAND };
static const u64 vm_commands[] = { EACH_VM_COMMAND };
static const u64 vcpu_commands[] = { EACH_VCPU_COMMAND };

/* numbers that like to go wrong, MSRs, and addresses of ours */
static u64 nasty(const struct hostile *h)
{
	static const u64 values[] = {
		0, 1, 2, 3, 4, 7, 8, 16, 31, 32, 64, 127, 128, 255, 256, 257, 0xfff, 0x1000, 0x1001, 0x7fff, 0x8000,
		0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0xfee00000, 0xfffff000,
		0xfffffffffffff000, 0x7fffffffffff, 0x800000000000, 0xffff800000000000, 0x7fffffffffffffff,
		0x8000000000000000, 0xffffffffffffffff, 0x10, 0x1b, 0x277, 0x6e0, 0x800, 0x830, 0xc0000080, 0xc0000081,
		0xc0000082, 0xc0000103, 0x4b564d00, 0x4b564d01, 0x40000000, 0x60000010, 0x80000011, 0x20, 0x6f0, 0xd01,
	};

	switch (next_random() % 8) {
	case 0: return next_random();
	case 1: return next_random() & 0xffffffff;
	case 2: return 1ull << next_random() % 64;
	case 3: return (u64)h->arena + (next_random() % 1024 << 12);
	case 4: return next_random() % 1024 << 12;
	default: return pick(values, ARRAY_SIZE(values));
	}
}

/* fills what an ioctl will read; returns the pointer to give it */
static void *build_argument(struct hostile *h, u64 size)
{
	u64 start, i;
	u8 *at;

	if (!size)
		return (void *)nasty(h);
	/* the structure ends at the hole, or has room behind it; sometimes it is cut, or nowhere */
	start = next_random() % 2 && size < ARGUMENT_SIZE ? ARGUMENT_SIZE - size : 0;
	at = h->argument + (start & ~7ull);
	for (i = 0; at + i + 8 <= h->argument + ARGUMENT_SIZE && i < 4096; i += 8) {
		u64 value = next_random() % 3 ? 0 : nasty(h);

		if (next_random() % 2)	/* two fields of 32 bits */
			value = (value & 0xffffffff) | (next_random() % 2 ? nasty(h) << 32 : 0);
		memcpy(at + i, &value, 8);
	}
	switch (next_random() % 32) {
	case 0: return NULL;
	case 1: return h->argument + ARGUMENT_SIZE - 4;
	case 2: return (void *)0xffff888000000000ull;
	case 3: return (void *)nasty(h);
	case 4: return h->argument + (start | 1);
	default: return h->argument + start;
	}
}

static void one_call(struct hostile *h, int fd, const u64 *commands, u32 count)
{
	u64 command = pick(commands, count);
	void *argument;
	long ret;

	if (next_random() % 64 == 0)
		command = next_random() % 2 ? _IOC(next_random() % 4, KVMIO, next_random() % 256, next_random() % 512) :
					      command ^ 1ull << next_random() % 32;
	argument = build_argument(h, _IOC_DIR(command) ? _IOC_SIZE(command) : 0);
	/* with our own memory as destination, only the arena and the argument are at stake */
	if (_IOC_DIR(command) & _IOC_READ && (u8 *)argument < h->argument)
		argument = h->argument;
	ret = kvm_ioctl(fd, (u32)command, argument);
	/* a frequency may be any number that was set before */
	if (ret < -4095 && (u32)command != KVM_GET_TSC_KHZ)
		die("ioctl %#lx returned %ld", (long)command, ret);
	/* a vCPU, or whatever else came as an fd */
	if (command == KVM_CREATE_VCPU && ret >= 0)
		close(ret);
}

TEST_F_TIMEOUT(hostile, node, 60)
{
	u32 i;

	for (i = 0; i < rounds_here(3000 * rounds); i++)
		one_call(&self->h, self->h.node, node_commands, ARRAY_SIZE(node_commands));
}

TEST_F_TIMEOUT(hostile, vm, 60)
{
	u32 i;

	for (i = 0; i < rounds_here(8000 * rounds); i++) {
		one_call(&self->h, self->h.vm_fd, vm_commands, ARRAY_SIZE(vm_commands));
		if (i % 500 == 499)
			fresh_vm(&self->h);
	}
}

TEST_F_TIMEOUT(hostile, vcpu, 60)
{
	u32 i;

	for (i = 0; i < rounds_here(12000 * rounds); i++) {
		one_call(&self->h, self->h.vcpu_fd, vcpu_commands, ARRAY_SIZE(vcpu_commands));
		if (i % 500 == 499)
			fresh_vm(&self->h);
	}
}

/* each fd gets the others' commands */
TEST_F_TIMEOUT(hostile, wrong_fd, 60)
{
	static const u64 node_only[] = { KVM_GET_API_VERSION, KVM_GET_VCPU_MMAP_SIZE, KVM_GET_SUPPORTED_CPUID };
	u32 i;

	for (i = 0; i < rounds_here(1000 * rounds); i++) {
		one_call(&self->h, self->h.node, vm_commands + 1, ARRAY_SIZE(vm_commands) - 1);
		one_call(&self->h, self->h.node, vcpu_commands, ARRAY_SIZE(vcpu_commands));
		one_call(&self->h, self->h.vm_fd, node_only, ARRAY_SIZE(node_only));
		one_call(&self->h, self->h.vcpu_fd, vm_commands, ARRAY_SIZE(vm_commands));
	}
}

static void on_alarm(int number)
{
}

/* random state, random code, random kvm_run: KVM_RUN returns, and be it by the timer's signal */
static void one_run(struct hostile *h)
{
	struct itimerval soon = { .it_value.tv_usec = 3000 }, never = {};
	u32 i;

	for (i = 0; i < next_random() % 6; i++)
		one_call(h, h->vcpu_fd, vcpu_commands, ARRAY_SIZE(vcpu_commands));
	for (i = 0; i < 64; i++)
		((u64 *)h->arena)[next_random() % (ARENA / 8)] = next_random();
	if (next_random() % 4 == 0)
		h->run->request_interrupt_window = next_random();
	h->run->immediate_exit = next_random() % 8 == 0;
	if (next_random() % 4 == 0)
		h->run->kvm_dirty_regs = next_random() % 16;
	if (next_random() % 4 == 0)
		h->run->kvm_valid_regs = next_random() % 16;
	if (next_random() % 2)
		((u64 *)h->run)[next_random() % (h->vm.run_size / 8)] = nasty(h);
	setitimer(ITIMER_REAL, &soon, NULL);
	kvm_ioctl(h->vcpu_fd, KVM_RUN, NULL);
	setitimer(ITIMER_REAL, &never, NULL);
}

static void random_code(struct hostile *h)
{
	struct kvm_userspace_memory_region region = {
		.memory_size = ARENA, .userspace_addr = (u64)h->arena,
	};
	struct kvm_regs regs = { .rip = next_random() % ARENA & 0xffff, .rsp = 0x8000, .rflags = 2 };
	struct kvm_sregs sregs;
	u32 i;

	for (i = 0; i < 65536; i += 8)
		((u64 *)h->arena)[i / 8] = next_random();
	kvm_ioctl(h->vm_fd, KVM_SET_USER_MEMORY_REGION, &region);
	kvm_ioctl(h->vcpu_fd, KVM_GET_SREGS, &sregs);
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	kvm_ioctl(h->vcpu_fd, KVM_SET_SREGS, &sregs);
	kvm_ioctl(h->vcpu_fd, KVM_SET_REGS, &regs);
}

TEST_F_TIMEOUT(hostile, run, 90)
{
	struct sigaction action = { .sa_handler = on_alarm };
	u32 i;

	sigaction(SIGALRM, &action, NULL);
	for (i = 0; i < rounds_here(800 * rounds); i++) {
		if (i % 8 == 0) {
			fresh_vm(&self->h);
			random_code(&self->h);
		}
		one_run(&self->h);
	}
}

/* the same from two threads at once, on one VM and its vCPU */
static void *second_thread(void *argument)
{
	struct hostile *h = argument, own = *h;
	u32 i;

	own.argument = host_memory(ARGUMENT_SIZE + PAGE_SIZE, PAGE_SIZE);
	mprotect(own.argument + ARGUMENT_SIZE, PAGE_SIZE, PROT_NONE);
	for (i = 0; i < rounds_here(4000 * rounds); i++)
		one_call(&own, h->vm_fd, vm_commands, ARRAY_SIZE(vm_commands));
	return NULL;
}

TEST_F_TIMEOUT(hostile, two_threads, 90)
{
	struct sigaction action = { .sa_handler = on_alarm };
	pthread_t thread;
	u32 i;

	sigaction(SIGALRM, &action, NULL);
	random_code(&self->h);
	ASSERT_EQ(0, pthread_create(&thread, NULL, second_thread, &self->h));
	for (i = 0; i < rounds_here(400 * rounds); i++)
		one_run(&self->h);
	ASSERT_EQ(0, pthread_join(thread, NULL));
}

TEST_HARNESS_MAIN
