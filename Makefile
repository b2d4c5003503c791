# SPDX-License-Identifier: GPL-2.0-only
#
# The front door; "make help" says what is behind it. kbuild reads Kbuild, not
# this file.

KVER ?= $(shell uname -r)
KDIR ?= /lib/modules/$(KVER)/build

UDEV_RULE = $(DESTDIR)/lib/udev/rules.d/60-quire.rules

CHECKS = tree host kunit svm vmx

all: module

help:
	@echo 'make                quire.ko for the running kernel, or with KVER= or KDIR='
	@echo 'make demo           boot Linux on Quire in an emulated AMD-V machine'
	@echo 'make check          all tests; a part of them: $(CHECKS:%=check-%)'
	@echo 'make bench          instruction counts against stock KVM'
	@echo 'make coverage       which lines of the module the tests reach'
	@echo 'make install        the module and the udev rule; make uninstall removes both'
	@echo 'make dkms           the module through DKMS; make dkms-remove removes it'
	@echo 'make clean          remove what make has built here'

module: $(KDIR)
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

$(KDIR):
	@echo 'There are no kernel headers in $(KDIR).' >&2
	@echo 'Install them (Debian: apt-get install linux-headers-$(KVER)),' >&2
	@echo 'or name those of another kernel: make KDIR=/usr/src/linux-headers-...' >&2
	@false

clean:
	find . -name .git -prune -o -type f '(' -name '*.o' -o -name '*.ko' -o -name '*.mod' \
		-o -name '*.mod.c' -o -name '.*.cmd' -o -name '.*.o.d' -o -name Module.symvers \
		-o -name modules.order ')' -exec rm -f {} +

install: module
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH=$(DESTDIR) modules_install
	install -D -m 644 packaging/60-quire.rules $(UDEV_RULE)

uninstall:
	rm -f $(UDEV_RULE)
	find $(DESTDIR)/lib/modules/$(KVER) -name 'quire.ko*' -exec rm -f {} +
	depmod $(if $(DESTDIR),-b $(DESTDIR)) $(KVER)

dkms:
	packaging/dkms install $(KVER)

dkms-remove:
	packaging/dkms remove

demo:
	@tests/demo/run

bench:
	@tests/bench

coverage:
	@tests/coverage

check:
	@tests/check $(CHECKS)

$(CHECKS:%=check-%): check-%:
	@tests/check $*

.PHONY: all help module clean install uninstall dkms dkms-remove demo bench coverage check \
	$(CHECKS:%=check-%)
