/* SPDX-License-Identifier: MIT
 *
 * Replacements in the engine for files and JSON: no SoundFonts, models without texts, and no streams.
 */
#include <wasi/api.h>

#include "audio/synth.h"
#include "base/error.h"
#include "model/model.h"

const char *spiral__soundfont_find(void) { return NULL; }

spiral_status spiral__fluid_render(const spiral__timed_note *notes, size_t count,
                                   const spiral__timed_message *messages, size_t message_count,
                                   const char *soundfont, spiral__audio *audio, spiral_error *err) {
    (void)notes, (void)count, (void)messages, (void)message_count, (void)soundfont, (void)audio;
    return spiral__fail(err, SPIRAL_UNSUPPORTED, -1, "the page plays no SoundFonts");
}

spiral_status spiral__metadata_create(spiral_model *model, spiral_error *err) {
    (void)model, (void)err;
    return SPIRAL_OK;
}

void spiral__metadata_clear(spiral_model *model) { (void)model; }

/* ---- the C library's streams ----
 *
 * wasi-libc links them with its printf family, though nothing here opens one. Without these three the module
 * would import them.
 */

__wasi_errno_t __wasi_fd_close(__wasi_fd_t stream) {
    (void)stream;
    return __WASI_ERRNO_BADF;
}

__wasi_errno_t __wasi_fd_seek(__wasi_fd_t stream, __wasi_filedelta_t offset, __wasi_whence_t whence,
                              __wasi_filesize_t *position) {
    (void)stream, (void)offset, (void)whence, (void)position;
    return __WASI_ERRNO_BADF;
}

__wasi_errno_t __wasi_fd_write(__wasi_fd_t stream, const __wasi_ciovec_t *parts, size_t count,
                               __wasi_size_t *written) {
    (void)stream, (void)parts, (void)count, (void)written;
    return __WASI_ERRNO_BADF;
}
