// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ends and beginnings: a VMM that is killed at any point, forks, hands its fds to others or closes them in odd orders.
 * Whatever happens, the next VM works, and nothing is left behind.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#define KILLS 200

FIXTURE(life) {
	struct vm vm;
	struct vcpu *vcpu;
};

SNIPPET(halts, ".code16\n1:	incw 0x3000\n	hlt\n	jmp 1b\n");
SNIPPET(spins, ".code16\n1:	incl 0x3000\n	jmp 1b\n");

static void start(struct vm *vm, const u8 *begin, const u8 *end)
{
	struct vcpu *vcpu;

	vm_create(vm, 0);
	vcpu = vcpu_create(vm, 0);
	vm_put_code(vm, REAL_BASE, begin, end);
	vcpu_set_mode(vcpu, MODE_REAL);
	vcpu_set_entry(vcpu, REAL_BASE, 0x8000);
}

FIXTURE_SETUP(life)
{
	start(&self->vm, halts_begin, halts_end);
	self->vcpu = self->vm.vcpus[0];
}

FIXTURE_TEARDOWN(life)
{
	vm_destroy(&self->vm);
}

static void expect_life(struct __test_metadata *_metadata, struct vm *vm)
{
	u16 before = *(u16 *)vm_hva(vm, 0x3000);

	ASSERT_RUN(vm->vcpus[0], KVM_EXIT_HLT);
	EXPECT_EQ(before + 1, *(u16 *)vm_hva(vm, 0x3000));
}

static void sleep_us(u64 us)
{
	struct timespec t = { .tv_nsec = us * 1000 };

	nanosleep(&t, NULL);
}

/* killed */

static void guest_busy(u64 argument)
{
	u64 i;
	u32 leaf[4];

	for (i = 0; ; i++) {
		*(volatile u64 *)(0x80000000ull + i % 512 * PAGE_SIZE) = i;
		guest_cpuid(0, 0, leaf);
		if (i % 16 == 0)
			guest_sync(i);
	}
}

static void *run_forever(void *argument)
{
	for (;;)
		call_wait(argument);
	return NULL;
}

/* a VMM with two vCPUs, whose memory is discarded and whose slot comes and goes */
static void busy_vmm(void)
{
	struct vm vm;
	pthread_t thread;
	u8 *memory;
	int i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	vm_create(&vm, VM_SPLIT_IRQCHIP);
	memory = host_memory(2 * MiB, 2 * MiB);
	vm_slot(&vm, 1, 0, 0x80000000, 2 * MiB, memory);
	for (i = 0; i < 2; i++) {
		struct kvm_mp_state runnable = { .mp_state = KVM_MP_STATE_RUNNABLE };

		vcpu_create(&vm, i);
		vcpu_set_guest(vm.vcpus[i], guest_busy, 0);
		kvm_must(vm.vcpus[i]->fd, KVM_SET_MP_STATE, &runnable);
		pthread_create(&thread, NULL, run_forever, vm.vcpus[i]);
	}
	for (;;) {
		madvise(memory, 2 * MiB, MADV_DONTNEED);
		vm_slot(&vm, 2, 0, 0x90000000, 2 * MiB, memory);
		vm_slot(&vm, 2, 0, 0, 0, NULL);
	}
}

TEST_F_TIMEOUT(life, killed_at_any_point, 150)
{
	int i, status, kills = rounds_here(KILLS);

	srand(20);
	for (i = 0; i < kills; i++) {
		pid_t pid = fork();

		if (!pid) {
			busy_vmm();
			_exit(1);
		}
		/* from before its first ioctl to well into its run */
		sleep_us(rand() % 20000);
		ASSERT_EQ(0, kill(pid, SIGKILL));
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	}
	expect_life(_metadata, &self->vm);
}

/* an exit in the midst of KVM_RUN by another thread */
TEST_F(life, exit_while_running)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		pthread_t thread;
		struct vm vm;

		start(&vm, spins_begin, spins_end);
		pthread_create(&thread, NULL, run_forever, vm.vcpus[0]);
		sleep_us(10000);
		_exit(7);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(7 << 8, status);
	expect_life(_metadata, &self->vm);
}

/* fork: the child has the fds, but not the memory that is the VM's */
TEST_F(life, fork_of_the_vmm)
{
	int status;
	pid_t pid;

	expect_life(_metadata, &self->vm);
	pid = fork();
	if (!pid) {
		struct kvm_regs regs;

		if (vcpu_run(self->vcpu) != -EIO)
			_exit(1);
		if (kvm_ioctl(self->vcpu->fd, KVM_GET_REGS, &regs) != -EIO)
			_exit(2);
		if (vm_slot(&self->vm, 3, 0, 0x40000000, PAGE_SIZE, self->vm.ram) != -EIO)
			_exit(3);
		if (kvm_ioctl_n(self->vm.fd, KVM_CREATE_VCPU, 1) != -EIO)
			_exit(4);
		/* the node is nobody's: a VM of the child's own works */
		{
			struct vm own;

			start(&own, halts_begin, halts_end);
			if (vcpu_run_to_exit(own.vcpus[0]) != KVM_EXIT_HLT)
				_exit(5);
			vm_destroy(&own);
		}
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	expect_life(_metadata, &self->vm);
}

/* fds that outlive their owner */
static void send_fd(int socket, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec vector = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	if (sendmsg(socket, &message, 0) != 1)
		_exit(9);
}

static int receive_fd(int socket)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte;
	struct iovec vector = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control),
	};
	int fd = -1;

	if (recvmsg(socket, &message, 0) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

TEST_F(life, vm_of_a_dead_owner)
{
	int pair[2], vm, vcpu, status;
	struct kvm_regs regs;
	pid_t pid;

	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	pid = fork();
	if (!pid) {
		struct vm own;

		start(&own, halts_begin, halts_end);
		vcpu_run_to_exit(own.vcpus[0]);
		send_fd(pair[1], own.fd);
		send_fd(pair[1], own.vcpus[0]->fd);
		_exit(0);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	ASSERT_EQ(0, status);
	vm = receive_fd(pair[0]);
	vcpu = receive_fd(pair[0]);
	ASSERT_LE(0, vm);
	ASSERT_LE(0, vcpu);
	EXPECT_EQ(-EIO, kvm_ioctl(vcpu, KVM_RUN, NULL));
	EXPECT_EQ(-EIO, kvm_ioctl(vcpu, KVM_GET_REGS, &regs));
	EXPECT_EQ(-EIO, kvm_ioctl_n(vm, KVM_CREATE_VCPU, 5));
	EXPECT_EQ(0, close(vm));
	EXPECT_EQ(-EIO, kvm_ioctl(vcpu, KVM_RUN, NULL));
	EXPECT_EQ(0, close(vcpu));
	expect_life(_metadata, &self->vm);
}

/* orders of closing */

TEST_F(life, vcpu_outlives_vm_fd_and_node)
{
	expect_life(_metadata, &self->vm);
	ASSERT_EQ(0, close(self->vm.node));
	ASSERT_EQ(0, close(self->vm.fd));
	self->vm.node = -1;
	self->vm.fd = -1;
	expect_life(_metadata, &self->vm);
	expect_life(_metadata, &self->vm);
}

TEST_F(life, duplicates)
{
	int copy = dup(self->vcpu->fd);

	ASSERT_LE(0, copy);
	ASSERT_EQ(0, close(self->vcpu->fd));
	self->vcpu->fd = copy;
	expect_life(_metadata, &self->vm);
}

TEST_F(life, run_page_outlives_the_fds)
{
	struct vm vm;
	struct kvm_run *run;

	start(&vm, halts_begin, halts_end);
	ASSERT_RUN(vm.vcpus[0], KVM_EXIT_HLT);
	run = vm.vcpus[0]->run;
	ASSERT_EQ(0, close(vm.vcpus[0]->fd));
	ASSERT_EQ(0, close(vm.fd));
	EXPECT_EQ(KVM_EXIT_HLT, run->exit_reason);
	run->immediate_exit = 1;
	ASSERT_EQ(0, munmap(run, vm.run_size));
	close(vm.node);
	expect_life(_metadata, &self->vm);
}

static volatile long thread_result;

static void *run_once(void *argument)
{
	thread_result = kvm_ioctl_n((long)argument, KVM_RUN, 0);
	return NULL;
}

static void on_signal(int number)
{
}

/* the fds go away under a running KVM_RUN, which keeps what it needs */
TEST_F(life, closed_while_running)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t thread;
	struct vm vm;
	u32 before;

	sigaction(SIGUSR1, &action, NULL);
	start(&vm, spins_begin, spins_end);
	ASSERT_EQ(0, pthread_create(&thread, NULL, run_once, (void *)(long)vm.vcpus[0]->fd));
	while (!*(volatile u32 *)vm_hva(&vm, 0x3000))
		sleep_us(1000);
	close(vm.vcpus[0]->fd);
	close(vm.fd);
	close(vm.node);
	before = *(volatile u32 *)vm_hva(&vm, 0x3000);
	sleep_us(20000);
	EXPECT_NE(before, *(volatile u32 *)vm_hva(&vm, 0x3000));
	pthread_kill(thread, SIGUSR1);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EINTR, thread_result);
	expect_life(_metadata, &self->vm);
}

/* mappings of the fds */

TEST_F(life, mappings)
{
	u64 beyond = self->vm.run_size;
	volatile u8 *page;
	int status;
	pid_t pid;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, self->vm.fd, 0));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, self->vm.node, 0));
	/* beyond its size there is nothing: refused, or a bus error */
	page = mmap(NULL, PAGE_SIZE, PROT_READ, MAP_SHARED, self->vcpu->fd, beyond);
	if (page == MAP_FAILED)
		return;
	pid = fork();
	if (!pid)
		_exit(page[0] & 0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
}

/* what many VMs took is given back */

static long available_kib(void)
{
	char line[128];
	long value = 0;
	FILE *file = fopen("/proc/meminfo", "r");

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %ld", &value) == 1)
			break;
	fclose(file);
	return value;
}

static void one_life(void)
{
	struct vm vm;
	int i;

	start(&vm, halts_begin, halts_end);
	for (i = 1; i < 4; i++)
		vcpu_create(&vm, i);
	vcpu_run_to_exit(vm.vcpus[0]);
	vm_destroy(&vm);
}

/* caches fill up at first, and level off; what is lost is lost in each phase */
TEST_F_TIMEOUT(life, nothing_is_left_behind, 90)
{
	long before = available_kib(), after, least = 1 << 30;
	int phase, i, lives = rounds_here(50);

	for (phase = 0; phase < 4; phase++) {
		for (i = 0; i < lives; i++)
			one_life();
		sleep_us(300000);
		after = available_kib();
		TH_LOG("available: %ld KiB, %ld less", after, before - after);
		if (before - after < least)
			least = before - after;
		before = after;
	}
	/* where what was freed is held back for a while, to catch its use, kmemleak tells */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		return;
	/* a vCPU's worth per VM would be megabytes */
	EXPECT_GT(1536, least);
}

TEST_F(life, many_at_once)
{
	struct vm vms[24];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(vms); i++)
		start(&vms[i], halts_begin, halts_end);
	for (i = 0; i < ARRAY_SIZE(vms); i++)
		expect_life(_metadata, &vms[i]);
	for (i = 0; i < ARRAY_SIZE(vms); i++)
		vm_destroy(&vms[i]);
	expect_life(_metadata, &self->vm);
}

TEST_HARNESS_MAIN
