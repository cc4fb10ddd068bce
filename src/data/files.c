/* SPDX-License-Identifier: MIT
 *
 * Reading many MIDI files: each on its own, in parallel, in a fixed order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/par.h"
#include "data/paths.h"
#include "data/corpus.h"

static const char *const ENDINGS[] = {".mid",    ".midi",    ".kar",    ".rmi",    ".smf", //
                                      ".mid.gz", ".midi.gz", ".kar.gz", ".rmi.gz", ".smf.gz", NULL};

void spiral__file_notes_read(spiral__file_notes *f) {
    spiral_error err = {.text = ""};
    char path_text[SPIRAL__PATH_TEXT];
    errno = 0;
    f->status = spiral_midi_load_compressed(f->path, &f->midi, &err);
    f->no_descriptor = f->status == SPIRAL_IO && (errno == EMFILE || errno == ENFILE);
    if (f->status == SPIRAL_OK) {
        f->seconds = spiral_midi_seconds(&f->midi, spiral_midi_music_end(&f->midi));
        return;
    }
    const char *reason = err.text, *path = spiral__error_path(spiral__input_name(f->path), path_text);
    const size_t n = strlen(path); /* the path is shown beside the reason, so not here */
    if (!strncmp(reason, path, n) && !strncmp(reason + n, ": ", 2)) reason += n + 2;
    f->reason = strdup(reason);
    if (!f->reason) f->status = SPIRAL_NO_MEMORY;
}

spiral_status spiral__file_notes_check(const spiral__file_notes *f, spiral_error *err) {
    char path_text[SPIRAL__PATH_TEXT];
    if (f->status == SPIRAL_NO_MEMORY) return spiral__no_memory(err, 0);
    if (!f->no_descriptor) return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_IO, -1, "%s: %s",
                        spiral__error_path(spiral__input_name(f->path), path_text), f->reason);
}

void spiral__file_notes_clear(spiral__file_notes *f) {
    free(f->path);
    free(f->reason);
    spiral_midi_clear(&f->midi);
    *f = (spiral__file_notes){0};
}

void spiral__reading_count(spiral__reading *r, int worker) {
    const size_t done = atomic_fetch_add(&r->done, 1) + 1;
    if (!worker && r->callback && r->callback(r->context, done, r->count)) atomic_store(&r->stopped, 1);
}

spiral_status spiral__reading_finish(spiral__reading *r, spiral_error *err) {
    if (!atomic_load(&r->stopped) && (!r->callback || !r->callback(r->context, r->count, r->count)))
        return SPIRAL_OK;
    return spiral__fail(err, SPIRAL_INTERRUPTED, -1, "stopped after %zu of %zu files", atomic_load(&r->done),
                        r->count);
}

typedef struct loading {
    spiral__reading reading;
    spiral_files *files;
} loading;

static void read_task(void *context, size_t i, int worker) {
    loading *l = context;
    if (atomic_load(&l->reading.stopped)) return;
    spiral__file_notes_read(&l->files->files[i]);
    spiral__reading_count(&l->reading, worker);
}

/* The files of the list, their paths taken over. */
static spiral_status create(spiral__paths *list, spiral_files **out, spiral_error *err) {
    spiral_files *files = calloc(1, sizeof *files);
    if (files) files->files = calloc(list->count + 1, sizeof *files->files);
    if (!files || !files->files) {
        free(files);
        return spiral__no_memory(err, (list->count + 1) * sizeof *files->files);
    }
    files->count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        files->files[i].path = list->path[i];
        list->path[i] = NULL;
    }
    files->skipped = list->skipped;
    files->skipped_count = list->skipped_count;
    list->skipped = NULL;
    list->skipped_count = 0;
    *out = files;
    return SPIRAL_OK;
}

static spiral_status read_all(spiral_files *files, int threads, spiral_files_callback callback, void *context,
                              spiral_error *err) {
    spiral__pool *pool;
    loading l = {.reading = {.callback = callback, .context = context, .count = files->count},
                 .files = files};
    SPIRAL_TRY(spiral__pool_create(threads, &pool, err));
    spiral__par_for(pool, files->count, read_task, &l);
    spiral__pool_destroy(pool);
    for (size_t i = 0; i < files->count; i++) SPIRAL_TRY(spiral__file_notes_check(&files->files[i], err));
    return spiral__reading_finish(&l.reading, err);
}

spiral_status spiral__files_list(const char *const *paths, size_t count, spiral_files **out,
                                 spiral_error *err) {
    static const spiral__paths_filter filter = {ENDINGS, "MThd"};
    spiral__paths list = {0};
    char path_text[SPIRAL__PATH_TEXT];
    spiral_status status = !paths && count ? spiral__path_check(NULL, err) : SPIRAL_OK;
    for (size_t i = 0; i < count && status == SPIRAL_OK; i++)
        status = spiral__paths_add(&list, paths[i], &filter, err);
    if (status == SPIRAL_OK && !list.count)
        status = spiral__fail(
            err, SPIRAL_NO_DATA, -1, "%s: no .mid, .midi, .kar, .rmi or .smf file in it%s%s",
            count ? spiral__error_path(paths[0], path_text) : "no path", list.skipped_count ? ", but a " : "",
            list.skipped_count ? spiral_skipped_name(list.skipped[0].kind) : "");
    if (status == SPIRAL_OK) status = create(&list, out, err);
    spiral__paths_clear(&list);
    return status;
}

spiral_status spiral_files_load(const char *const *paths, size_t count, int threads, spiral_files **out,
                                spiral_error *err) {
    return spiral_files_load_with_callback(paths, count, threads, NULL, NULL, out, err);
}

spiral_status spiral_files_load_with_callback(const char *const *paths, size_t count, int threads,
                                              spiral_files_callback callback, void *context,
                                              spiral_files **out, spiral_error *err) {
    spiral_files *files = NULL;
    SPIRAL_TRY(spiral__files_list(paths, count, &files, err));
    const spiral_status status = read_all(files, threads, callback, context, err);
    if (status != SPIRAL_OK) {
        spiral_files_destroy(files);
        return status;
    }
    *out = files;
    return SPIRAL_OK;
}

void spiral_files_destroy(spiral_files *files) {
    if (!files) return;
    for (size_t i = 0; i < files->count; i++) spiral__file_notes_clear(&files->files[i]);
    for (size_t i = 0; i < files->skipped_count; i++) free(files->skipped[i].path);
    free(files->skipped);
    free(files->files);
    free(files);
}

const char *spiral_skipped_name(spiral_skipped kind) {
    static const char *const names[] = {
#define SPIRAL_X(name, text) text,
        SPIRAL_SKIPPED_LIST(SPIRAL_X)
#undef SPIRAL_X
    };
    return (unsigned)kind < SPIRAL_SKIPPED_COUNT ? names[kind] : "unknown";
}

size_t spiral_files_skipped_count(const spiral_files *files) { return files->skipped_count; }

const char *spiral_files_get_skipped(const spiral_files *files, size_t index, spiral_skipped *kind) {
    *kind = files->skipped[index].kind;
    return files->skipped[index].path;
}
