// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module as others see it: its nodes, and that it cannot be taken away from under a VM. Loading and unloading
 * again and again is the script module_cycle's.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

/* the module that answers at the node */
static const char *module_name(void)
{
	return strstr(node_path(), "quire") ? "quire" : "kvm_amd";
}

static long users(void)
{
	char path[64], text[32] = {};
	int fd;

	snprintf(path, sizeof(path), "/sys/module/%s/refcnt", module_name());
	fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 1)
		die("no %s", path);
	close(fd);
	return atol(text);
}

TEST(nodes)
{
	struct stat node, kvm;

	ASSERT_EQ(0, stat(node_path(), &node));
	EXPECT_TRUE(S_ISCHR(node.st_mode));
	EXPECT_EQ(10, major(node.st_rdev));	/* misc */
	EXPECT_EQ(0, node.st_mode & 0007);	/* not for everybody */
	if (!stat("/dev/kvm", &kvm)) {
		EXPECT_EQ(makedev(10, 232), kvm.st_rdev);
		EXPECT_EQ(0, kvm.st_mode & 0007);
	}
}

/* both names lead to the same place */
TEST(node_kvm)
{
	int fd = open("/dev/kvm", O_RDWR);

	if (fd < 0)
		SKIP(return, "no /dev/kvm");
	EXPECT_EQ(12, kvm_ioctl(fd, KVM_GET_API_VERSION, NULL));
	close(fd);
}

TEST(in_use)
{
	long before = users();
	struct vm vm;

	vm_create(&vm, VM_NO_RAM);
	EXPECT_LT(before, users());
	EXPECT_EQ(-1, syscall(SYS_delete_module, module_name(), O_NONBLOCK));
	EXPECT_EQ(EAGAIN, errno);
	close(vm.node);
	vm.node = -1;
	/* the VM alone holds it as well, and so does a vCPU */
	EXPECT_LT(before, users());
	vcpu_create_bare(&vm, 0, &(int){ 0 });
	close(vm.fd);
	vm.fd = -1;
	EXPECT_LT(before, users());
	EXPECT_EQ(-1, syscall(SYS_delete_module, module_name(), O_NONBLOCK));
	vm_destroy(&vm);
	EXPECT_EQ(before, users());
}

TEST_HARNESS_MAIN
