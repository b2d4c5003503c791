/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The AMD-V backend, as main.c names it.
 */
#ifndef QUIRE_VENDOR_SVM_SVM_H
#define QUIRE_VENDOR_SVM_SVM_H

struct vendor_ops;

/** svm_ops - the backend */
extern const struct vendor_ops svm_ops;

#endif
