/* SPDX-License-Identifier: MIT
 *
 * The public calls of a loss: checks of the arguments, work buffers, and the choice of the code for the
 * element type. That code is loss_template.c.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/error.h"
#include "loss/call.h"
#include "simd/tables.h"

enum { ALIGNMENT = 64 };

size_t spiral_loss_work_size_f32(const spiral_loss *loss, size_t T) {
    return spiral__loss_f32.work_size(loss, T);
}
size_t spiral_loss_work_size_f64(const spiral_loss *loss, size_t T) {
    return spiral__loss_f64.work_size(loss, T);
}

static spiral_status allocate_work(size_t bytes, void **work, spiral_error *err) {
    *work = NULL;
    if (bytes <= PTRDIFF_MAX - ALIGNMENT)
        *work = aligned_alloc(ALIGNMENT, (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    return *work ? SPIRAL_OK : spiral__no_memory(err, bytes);
}

spiral_status spiral_loss_work_create(const spiral_loss *loss, size_t T, void **work, spiral_error *err) {
    if (!work) return spiral__fail(err, SPIRAL_BAD_ARG, -1, "loss work: work must not be NULL");
    *work = NULL;
    if (!loss) return spiral__fail(err, SPIRAL_BAD_ARG, -1, "loss work: loss must not be NULL");
    const size_t f32 = spiral_loss_work_size_f32(loss, T), f64 = spiral_loss_work_size_f64(loss, T);
    return allocate_work(f32 > f64 ? f32 : f64, work, err);
}

void spiral_loss_work_destroy(void *work) { free(work); }

static spiral_status check_call(const spiral__loss_call *call) {
    const struct {
        const char *name;
        const void *at;
    } needed[] = {{"loss", call->loss},
                  {"pred", call->pred},
                  {"target", call->target},
                  {"value", call->value},
                  {"work", call->work}};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++)
        if (!needed[i].at)
            return spiral__fail(call->err, SPIRAL_BAD_ARG, -1, "loss call: %s must not be NULL",
                                needed[i].name);
    if (!call->B || !call->T || call->B > SIZE_MAX / call->T)
        return spiral__fail(call->err, SPIRAL_BAD_ARG, -1,
                            "loss call: %zu rolls of %zu frames: must be 1 to %zu frames in all", call->B,
                            call->T, SIZE_MAX);
    if ((uintptr_t)call->work % ALIGNMENT)
        return spiral__fail(
            call->err, SPIRAL_BAD_ARG, -1,
            "loss call: work is %zu bytes after a multiple of %d: must be aligned to %d bytes",
            (size_t)((uintptr_t)call->work % ALIGNMENT), ALIGNMENT, ALIGNMENT);
    if (call->grad && spiral__loss_is_metric(call->loss->kind))
        return spiral__fail(call->err, SPIRAL_UNSUPPORTED, -1,
                            "loss call: %s has no gradient: grad must be NULL",
                            spiral_loss_kind_name(call->loss->kind));
    return SPIRAL_OK;
}

static spiral_status run_f32(spiral__loss_call *call) {
    SPIRAL_TRY(check_call(call));
    call->kernels = spiral__loss_kernels_f32();
    call->coefficients = call->loss->coefficients.f32;
    call->inverse_totals = call->loss->inverse_totals.f32;
    return spiral__loss_f32.value_grad(call);
}

static spiral_status run_f64(spiral__loss_call *call) {
    SPIRAL_TRY(check_call(call));
    call->kernels = spiral__loss_kernels_f64();
    call->coefficients = call->loss->coefficients.f64;
    call->inverse_totals = call->loss->inverse_totals.f64;
    return spiral__loss_f64.value_grad(call);
}

spiral_status spiral_loss_value_grad_f32(const spiral_loss *loss, size_t B, size_t T, const float *pred,
                                         spiral_strides pred_strides, const float *target,
                                         spiral_strides target_strides, const float *sample_weight,
                                         spiral_strides sample_weight_strides, double *value, float *grad,
                                         spiral_strides grad_strides, void *work, spiral_error *err) {
    return run_f32(&(spiral__loss_call){loss, B, T, pred, target, sample_weight, grad, pred_strides,
                                        target_strides, sample_weight_strides, grad_strides, value, work,
                                        err});
}

spiral_status spiral_loss_value_grad_f64(const spiral_loss *loss, size_t B, size_t T, const double *pred,
                                         spiral_strides pred_strides, const double *target,
                                         spiral_strides target_strides, const double *sample_weight,
                                         spiral_strides sample_weight_strides, double *value, double *grad,
                                         spiral_strides grad_strides, void *work, spiral_error *err) {
    return run_f64(&(spiral__loss_call){loss, B, T, pred, target, sample_weight, grad, pred_strides,
                                        target_strides, sample_weight_strides, grad_strides, value, work,
                                        err});
}

/* A contiguous call: the arrays' strides, and a work buffer for this call if the caller gave none. */
static spiral_status run_contiguous(spiral__loss_call *call, size_t (*work_size)(const spiral_loss *, size_t),
                                    spiral_status (*run)(spiral__loss_call *)) {
    void *own = NULL;
    if (call->loss) {
        const ptrdiff_t P = call->loss->P;
        const spiral_strides at = {(ptrdiff_t)(call->T * (size_t)P), P, 1};
        call->pred_at = call->target_at = call->weight_at = call->grad_at = at;
        if (!call->work) SPIRAL_TRY(allocate_work(work_size(call->loss, call->T), &own, call->err));
        if (own) call->work = own;
    }
    spiral_status status = run(call);
    free(own);
    return status;
}

spiral_status spiral_loss_value_grad_btp_f32(const spiral_loss *loss, size_t B, size_t T, const float *pred,
                                             const float *target, double *value, float *grad, void *work,
                                             spiral_error *err) {
    spiral__loss_call call = {.loss = loss,
                              .B = B,
                              .T = T,
                              .pred = pred,
                              .target = target,
                              .grad = grad,
                              .value = value,
                              .work = work,
                              .err = err};
    return run_contiguous(&call, spiral_loss_work_size_f32, run_f32);
}

spiral_status spiral_loss_value_grad_btp_f64(const spiral_loss *loss, size_t B, size_t T, const double *pred,
                                             const double *target, double *value, double *grad, void *work,
                                             spiral_error *err) {
    spiral__loss_call call = {.loss = loss,
                              .B = B,
                              .T = T,
                              .pred = pred,
                              .target = target,
                              .grad = grad,
                              .value = value,
                              .work = work,
                              .err = err};
    return run_contiguous(&call, spiral_loss_work_size_f64, run_f64);
}
