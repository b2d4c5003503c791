/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The handlers that the opcode tables name, by file.  Each does the instruction
 * of its name as the manuals' instruction reference has it; internal.h says what
 * a handler finds and leaves.  Returns enum emul_result, EMUL_POSTED excepted.
 */
#ifndef QUIRE_EMUL_HANDLERS_H
#define QUIRE_EMUL_HANDLERS_H

#include "emul.h"

#define EMUL_OP(name)	enum emul_result emul_op_##name(struct emul_ctxt *ctxt)

/* alu.c */
EMUL_OP(add);
EMUL_OP(adc);
EMUL_OP(sub);
EMUL_OP(sbb);
EMUL_OP(cmp);
EMUL_OP(neg);
EMUL_OP(inc);
EMUL_OP(dec);
EMUL_OP(and);
EMUL_OP(or);
EMUL_OP(xor);
EMUL_OP(test);
EMUL_OP(not);
EMUL_OP(xadd);
EMUL_OP(cmpxchg);
EMUL_OP(setcc);
EMUL_OP(cmov);
EMUL_OP(arpl);

/* shift.c */
EMUL_OP(shl);
EMUL_OP(shr);
EMUL_OP(sar);
EMUL_OP(rol);
EMUL_OP(ror);
EMUL_OP(rcl);
EMUL_OP(rcr);
EMUL_OP(shld);
EMUL_OP(shrd);
EMUL_OP(bt);
EMUL_OP(bts);
EMUL_OP(btr);
EMUL_OP(btc);
EMUL_OP(bsf);
EMUL_OP(bsr);
EMUL_OP(popcnt);
EMUL_OP(bswap);
EMUL_OP(movbe);

/* muldiv.c */
EMUL_OP(mul);
EMUL_OP(imul1);
EMUL_OP(imul2);
EMUL_OP(imul3);
EMUL_OP(div);
EMUL_OP(idiv);
EMUL_OP(daa);
EMUL_OP(das);
EMUL_OP(aaa);
EMUL_OP(aas);
EMUL_OP(aam);
EMUL_OP(aad);
EMUL_OP(salc);
EMUL_OP(cbw);
EMUL_OP(cwd);

/* move.c */
EMUL_OP(mov);
EMUL_OP(movsx);
EMUL_OP(xchg);
EMUL_OP(nop_or_xchg);
EMUL_OP(nop);
EMUL_OP(fwait);
EMUL_OP(lea);
EMUL_OP(xlat);
EMUL_OP(bound);
EMUL_OP(cmpxchg8b);
EMUL_OP(sahf);
EMUL_OP(lahf);
EMUL_OP(clc);
EMUL_OP(stc);
EMUL_OP(cmc);
EMUL_OP(cld);
EMUL_OP(std);

/* string.c */
EMUL_OP(movs);
EMUL_OP(stos);
EMUL_OP(lods);
EMUL_OP(cmps);
EMUL_OP(scas);
EMUL_OP(ins);
EMUL_OP(outs);

/* stack.c */
EMUL_OP(push);
EMUL_OP(pop);
EMUL_OP(push_sreg);
EMUL_OP(pop_sreg);
EMUL_OP(pusha);
EMUL_OP(popa);
EMUL_OP(pushf);
EMUL_OP(popf);
EMUL_OP(enter);
EMUL_OP(leave);

/* control.c */
EMUL_OP(jmp);
EMUL_OP(jcc);
EMUL_OP(jmp_indirect);
EMUL_OP(call);
EMUL_OP(call_indirect);
EMUL_OP(ret);
EMUL_OP(loop);

/* far.c */
EMUL_OP(jmp_far);
EMUL_OP(call_far);
EMUL_OP(jmp_far_mem);
EMUL_OP(call_far_mem);
EMUL_OP(ret_far);
EMUL_OP(iret);
EMUL_OP(int);
EMUL_OP(int3);
EMUL_OP(into);
EMUL_OP(icebp);

/* segment.c */
EMUL_OP(mov_to_sreg);
EMUL_OP(mov_from_sreg);
EMUL_OP(load_far_pointer);
EMUL_OP(sldt);
EMUL_OP(str);
EMUL_OP(smsw);
EMUL_OP(lldt);
EMUL_OP(ltr);
EMUL_OP(lar);
EMUL_OP(lsl);
EMUL_OP(verr);
EMUL_OP(verw);

/* system.c */
EMUL_OP(in);
EMUL_OP(out);
EMUL_OP(cli);
EMUL_OP(sti);
EMUL_OP(clac);
EMUL_OP(stac);
EMUL_OP(mov_from_cr);
EMUL_OP(mov_to_cr);
EMUL_OP(clts);
EMUL_OP(lmsw);
EMUL_OP(mov_from_dr);
EMUL_OP(mov_to_dr);
EMUL_OP(sgdt);
EMUL_OP(sidt);
EMUL_OP(lgdt);
EMUL_OP(lidt);
EMUL_OP(rdmsr);
EMUL_OP(wrmsr);
EMUL_OP(rdtsc);
EMUL_OP(rdtscp);
EMUL_OP(rdpmc);
EMUL_OP(xsetbv);
EMUL_OP(cpuid);
EMUL_OP(rdfsgsbase);
EMUL_OP(wrfsgsbase);
EMUL_OP(swapgs);
EMUL_OP(syscall);
EMUL_OP(sysret);
EMUL_OP(sysenter);
EMUL_OP(sysexit);
EMUL_OP(hlt);
EMUL_OP(wbinvd);
EMUL_OP(hypercall);
EMUL_OP(monitor);
EMUL_OP(invlpg);

/* sse.c */
EMUL_OP(sse_load);
EMUL_OP(sse_load_aligned);
EMUL_OP(sse_store);
EMUL_OP(sse_store_aligned);
EMUL_OP(sse_load_half);
EMUL_OP(sse_store_half);
EMUL_OP(sse_movd_load);
EMUL_OP(sse_movd_store);
EMUL_OP(sse_movq_load);
EMUL_OP(sse_movq_store);
EMUL_OP(sse_load_scalar);
EMUL_OP(sse_store_scalar);

#undef EMUL_OP

#endif
