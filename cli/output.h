/* SPDX-License-Identifier: MIT
 *
 * Output files of the verbs. Each call returns -1, or the exit status after printing why it failed.
 *
 * No output replaces a file that the verb reads, a file of another kind, or a read-only file.
 */
#ifndef SPIRAL_CLI_OUTPUT_H
#define SPIRAL_CLI_OUTPUT_H

#include <stdint.h>

#include "spiral/roll.h"

enum { CLI_PATH_SIZE = 4096 };

/* name, what messages call such a file */
#define CLI_KIND_LIST(X)         \
    X(MIDI, "MIDI file")         \
    X(WAV, "WAV file")           \
    X(PNG, "PNG picture")        \
    X(SVG, "SVG picture")        \
    X(PDF, "PDF file")           \
    X(NPY, "NumPy file")         \
    X(HTML, "web page")          \
    X(MODEL, "safetensors file") \
    X(PACK, "corpus pack")       \
    X(LOG, "log of JSON lines")

typedef enum cli_output_kind {
#define SPIRAL_X(name, text) CLI_OUTPUT_##name,
    CLI_KIND_LIST(SPIRAL_X)
#undef SPIRAL_X
} cli_output_kind;

/* The kind of a file by the ending of its name, of those that render writes. 0: it has none of these endings.
 */
int cli_kind_by_ending(const char *path, cli_output_kind *kind);
/* Before an input is read: standard input, "-", can be read only once in a command. */
int cli_check_input(const char *path);
/* Notes that the verb reads this file; "-" is standard input. */
int cli_note_input(const char *path);
/* Checks that `path` may be written: it is not there, or empty, or a file of this kind that may be written
 * and is not an input; or a device or a pipe; or "-". */
int cli_check_target(const char *path, cli_output_kind kind);
/* Checks also that a file can be written there, by creating and removing one beside it. */
int cli_check_writable(const char *path, cli_output_kind kind);
/* Whether both paths name the same file, or would if there were one. */
int cli_same_file(const char *a, const char *b);
/* Writes the path of a file that belongs to `path` to beside[CLI_PATH_SIZE]: "path.ending", or, if the name
 * would be too long for a folder, its beginning, a number made from it, and the ending. */
int cli_beside(char *beside, const char *path, const char *ending);

/* Writes the path of a temporary file in the folder of `path` to beside[CLI_PATH_SIZE]. The name is that of a
 * temporary file of the library: if the program is killed before it is removed, the next one that writes
 * there removes it. One at a time. */
int cli_temporary_beside(char *beside, const char *path);

/* Creates a folder unless it exists; *made: whether it did. */
int cli_make_folder(const char *path, int *made);
/* Writes "folder/stem-NUMBER.mid" to path[CLI_PATH_SIZE]; NUMBER has at least `digits` digits. */
int cli_numbered_path(char *path, const char *folder, const char *stem, int digits, uint64_t number);
/* Checks `path` and writes a roll as MIDI. text: the file's text event, or NULL. notes, seconds: filled if
 * not NULL. */
int cli_save_roll(const spiral_roll *roll, const char *text, const char *path, size_t *notes,
                  double *seconds);

/* Holds a lock on the file `path`, which it creates, until cli_unlock removes it: another process that asks
 * for it is refused with a sentence about `what`. */
typedef struct cli_lock {
    int fd; /* -1: none */
    char path[CLI_PATH_SIZE];
} cli_lock;
int cli_lock_take(cli_lock *lock, const char *path, const char *what);
void cli_lock_release(cli_lock *lock);

#endif
