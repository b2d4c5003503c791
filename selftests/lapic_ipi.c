// SPDX-License-Identifier: GPL-2.0-only
/*
 * Interrupts between vCPUs: fixed, logical, broadcast, lowest priority, NMI; and INIT with SIPI, which brings a second
 * processor up from real mode as a BIOS or an operating system does.
 */
#include "test.h"
#include "apic.h"
#include "runner.h"

#include <errno.h>

#define VECTOR 0x51
#define QUIT 0x60
#define CPUS 3

FIXTURE(ipi) {
	struct vm vm;
	struct runner runner[CPUS];
};

FIXTURE_VARIANT(ipi) {
	bool x2apic;
};

FIXTURE_VARIANT_ADD(ipi, xapic) { .x2apic = false };
FIXTURE_VARIANT_ADD(ipi, x2apic) { .x2apic = true };

FIXTURE_SETUP(ipi)
{
	int i;

	vm_create(&self->vm, VM_SPLIT_IRQCHIP);
	for (i = 0; i < CPUS; i++)
		vcpu_create(&self->vm, i);
}

FIXTURE_TEARDOWN(ipi)
{
	vm_destroy(&self->vm);
}

/* per vCPU, in the guest's copy */
static volatile u64 hits[MAX_VCPUS], nmis[MAX_VCPUS], ready, quit[MAX_VCPUS];

static void on_ipi(struct guest_frame *frame)
{
	__atomic_fetch_add(&hits[guest_this_cpu()->id], 1, __ATOMIC_SEQ_CST);
	guest_apic_write(APIC_EOI, 0);
}

static void on_quit(struct guest_frame *frame)
{
	quit[guest_this_cpu()->id] = 1;
	guest_apic_write(APIC_EOI, 0);
}

static void on_nmi(struct guest_frame *frame)
{
	__atomic_fetch_add(&nmis[guest_this_cpu()->id], 1, __ATOMIC_SEQ_CST);
}

static void guest_listen(bool x2apic)
{
	guest_handlers[VECTOR] = on_ipi;
	guest_handlers[QUIT] = on_quit;
	guest_handlers[2] = on_nmi;
	guest_apic_enable(x2apic);
	if (!x2apic)
		guest_apic_write(APIC_LDR, 1u << (24 + guest_this_cpu()->id));
	__atomic_fetch_add(&ready, 1, __ATOMIC_SEQ_CST);
}

/* the other vCPUs: they sleep, but for what interrupts them */
static void guest_sleeper(u64 x2apic)
{
	guest_listen(x2apic);
	while (!quit[guest_this_cpu()->id]) {
		guest_sti_hlt();
		guest_cli();
	}
}

/* the same, awake */
static void guest_spinner(u64 x2apic)
{
	guest_listen(x2apic);
	guest_sti();
	while (!quit[guest_this_cpu()->id])
		guest_pause();
	guest_cli();
}

static void await(volatile u64 *word, u64 value)
{
	while (*word != value)
		guest_pause();
}

static void guest_sender(u64 x2apic)
{
	u64 round, expected = 0;

	guest_listen(x2apic);
	guest_sti();
	await(&ready, CPUS);
	for (round = 1; round <= 20; round++) {
		guest_apic_icr(1, VECTOR);
		await(&hits[1], ++expected);
		GUEST_EXPECT_EQ(2 * (round - 1), hits[2]);
		guest_apic_icr(2, VECTOR);
		await(&hits[2], 2 * round - 1);
		/* a set of two, by logical address: flat bits, or cluster 0 in x2APIC mode */
		guest_apic_icr(6, ICR_LOGICAL | VECTOR);
		await(&hits[1], ++expected);
		await(&hits[2], 2 * round);
	}
	guest_apic_icr(0, ICR_OTHERS | VECTOR);
	await(&hits[1], ++expected);
	await(&hits[2], 41);
	GUEST_EXPECT_EQ(0, hits[0]);
	guest_apic_icr(0, ICR_ALL | VECTOR);
	await(&hits[1], ++expected);
	await(&hits[2], 42);
	await(&hits[0], 1);
	guest_apic_icr(x2apic ? 0xffffffff : 0xff, VECTOR);
	await(&hits[1], ++expected);
	await(&hits[2], 43);
	await(&hits[0], 2);
	guest_apic_icr(2, ICR_NMI);
	await(&nmis[2], 1);
	GUEST_EXPECT_EQ(0, nmis[1]);
	guest_apic_icr(0, ICR_OTHERS | QUIT);
	await(&quit[1], 1);
	await(&quit[2], 1);
	guest_cli();
}

static void runnable(struct vcpu *vcpu)
{
	struct kvm_mp_state mp = { .mp_state = KVM_MP_STATE_RUNNABLE };

	kvm_must(vcpu->fd, KVM_SET_MP_STATE, &mp);
}

static void run_all(struct vm *vm, struct runner *runner, void (*others)(u64), bool x2apic)
{
	int i;

	for (i = 0; i < CPUS; i++) {
		vcpu_set_guest(vm->vcpus[i], i ? others : guest_sender, x2apic);
		runnable(vm->vcpus[i]);
	}
	for (i = 0; i < CPUS; i++)
		runner_start(&runner[i], vm->vcpus[i]);
	for (i = 0; i < CPUS; i++)
		runner_join(&runner[i]);
}

TEST_F(ipi, to_sleeping_vcpus)
{
	run_all(&self->vm, self->runner, guest_sleeper, variant->x2apic);
}

TEST_F(ipi, to_running_vcpus)
{
	run_all(&self->vm, self->runner, guest_spinner, variant->x2apic);
}

/*
 * A processor that was never started sits in UNINITIALIZED; INIT and SIPI get it to real mode at vector << 12. There
 * it counts, and ends by an exit.
 */
#define SIPI_PAGE 0x8
#define AP_COUNT 0x9000

SNIPPET(ap_code,
	".code16\n"
	"	mov $0x5a5a, %bx\n"
	"	mov %cs, %ax\n"
	"	xor %cx, %cx\n	mov %cx, %ds\n"
	"	mov %ax, 0x9008\n"
	"	lock incw 0x9000\n"
	"	out %ax, $0x80\n"
	"	cli\n"
	"1:	hlt\n	jmp 1b\n");

static void guest_starter(u64 x2apic)
{
	guest_listen(x2apic);
	guest_sync(1);
	guest_apic_icr(1, ICR_INIT | ICR_ASSERT);
	guest_apic_icr(1, ICR_SIPI | SIPI_PAGE);
	guest_apic_icr(1, ICR_SIPI | SIPI_PAGE);	/* as the protocol has it; the second one finds it running */
	await((void *)AP_COUNT, 1);
	guest_sync(2);
	/* once more, from wherever it is */
	guest_apic_icr(1, ICR_INIT | ICR_ASSERT);
	guest_apic_icr(1, ICR_SIPI | SIPI_PAGE);
	await((void *)AP_COUNT, 2);
}

struct ap {
	struct vcpu *vcpu;
	volatile u64 exits;
};

static void *run_ap(void *argument)
{
	struct ap *ap = argument;

	while (ap->exits < 2) {
		if (vcpu_run_to_exit(ap->vcpu) != KVM_EXIT_IO) {
			vcpu_dump(ap->vcpu);
			die("an unexpected exit of the second vCPU");
		}
		ap->exits++;
	}
	return NULL;
}

TEST_F(ipi, init_and_sipi)
{
	struct vcpu *bsp = self->vm.vcpus[0];
	struct ap ap = { .vcpu = self->vm.vcpus[1] };
	struct kvm_mp_state mp;
	struct kvm_sregs sregs;
	pthread_t thread;

	PUT_SNIPPET(&self->vm, SIPI_PAGE << 12, ap_code);
	ASSERT_EQ(0, kvm_ioctl(ap.vcpu->fd, KVM_GET_MP_STATE, &mp));
	EXPECT_EQ(KVM_MP_STATE_UNINITIALIZED, mp.mp_state);
	vcpu_set_guest(bsp, guest_starter, variant->x2apic);
	call_wait_sync(bsp, 1);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_ap, &ap));
	call_wait_sync(bsp, 2);
	wait_for_word(&ap.exits, 1);
	EXPECT_EQ(SIPI_PAGE << 8, *(u16 *)vm_hva(&self->vm, 0x9008));
	call_wait_done(bsp);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	vcpu_get_sregs(ap.vcpu, &sregs);
	EXPECT_EQ(SIPI_PAGE << 12, sregs.cs.base);
	EXPECT_EQ(SIPI_PAGE << 8, sregs.cs.selector);
	EXPECT_EQ(0, sregs.cr0 & 1);
}

/* MSIs reach the vCPU that they name */
static void guest_counter(u64 x2apic)
{
	guest_listen(x2apic);
	guest_sti();
	while (hits[guest_this_cpu()->id] < 100)
		guest_sti_hlt();
	guest_cli();
}

TEST_F(ipi, msi_to_each)
{
	volatile u64 *counts = *guest_copy(&self->vm, hits);
	int i, j;

	for (i = 0; i < CPUS; i++) {
		vcpu_set_guest(self->vm.vcpus[i], guest_counter, variant->x2apic);
		runnable(self->vm.vcpus[i]);
		runner_start(&self->runner[i], self->vm.vcpus[i]);
	}
	wait_for_word((u64 *)guest_copy(&self->vm, ready), CPUS);
	for (j = 0; j < 100; j++) {
		for (i = 0; i < CPUS; i++) {
			struct kvm_msi msi = { .address_lo = 0xfee00000 | i << 12, .data = VECTOR };

			EXPECT_LT(0, kvm_ioctl(self->vm.fd, KVM_SIGNAL_MSI, &msi));
		}
		for (i = 0; i < CPUS; i++)
			wait_for_word(&counts[i], j + 1);
	}
	for (i = 0; i < CPUS; i++)
		runner_join(&self->runner[i]);
}

TEST_HARNESS_MAIN
