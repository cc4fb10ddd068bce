/* SPDX-License-Identifier: MIT
 *
 * The kernel tables for the current instruction set (spiral__isa_current). A caller of a template's table
 * includes the header that declares its functions too: simd/loss_kernels.h.
 */
#ifndef SPIRAL_SIMD_TABLES_H
#define SPIRAL_SIMD_TABLES_H

struct spiral__loss_kernels; /* for float and for double */
const struct spiral__loss_kernels *spiral__loss_kernels_f32(void);
const struct spiral__loss_kernels *spiral__loss_kernels_f64(void);

#endif
