/* SPDX-License-Identifier: MIT
 *
 * Output files: checks, names, MIDI.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messages.h"
#include "output.h"

static int cannot_write(const char *path) { return cli_fail("%s: cannot write: %s", path, strerror(errno)); }

int cli_check_writable(const char *path) {
    char beside[CLI_PATH_SIZE];
    struct stat info;
    if (!stat(path, &info)) {
        if (S_ISDIR(info.st_mode)) return cli_fail("%s: cannot write: it is a folder", path);
        if (!S_ISREG(info.st_mode)) return access(path, W_OK) ? cannot_write(path) : -1;
    }
    if (snprintf(beside, sizeof beside, "%s.tmp-XXXXXX", path) >= (int)sizeof beside) {
        errno = ENAMETOOLONG;
        return cannot_write(path);
    }
    int fd = mkstemp(beside);
    if (fd < 0) return cannot_write(path);
    close(fd);
    unlink(beside);
    return -1;
}

int cli_make_folder(const char *path) {
    struct stat info;
    if (!strcmp(path, "-")) return cli_usage("-o -: the files go to a folder, not to standard output");
    if (!mkdir(path, 0777)) return -1;
    int why = errno;
    if (why == EEXIST && !stat(path, &info)) {
        if (S_ISDIR(info.st_mode)) return -1;
        return cli_fail("%s: cannot create the folder: a file has this name", path);
    }
    return cli_fail("%s: cannot create the folder: %s", path, strerror(why));
}

int cli_numbered_path(char *path, const char *folder, const char *stem, int digits, uint64_t number) {
    size_t n = strlen(folder);
    int length = snprintf(path, CLI_PATH_SIZE, "%s%s%s-%0*llu.mid", folder, folder[n - 1] == '/' ? "" : "/",
                          stem, digits, (unsigned long long)number);
    return length < CLI_PATH_SIZE ? -1 : cli_fail("%.60s...: the path is too long", folder);
}

int cli_save_roll(const spiral_roll *roll, const char *text, const char *path, size_t *notes,
                  double *seconds) {
    spiral_midi midi = {0};
    spiral_error err = {.text = ""};
    spiral_status status = spiral_midi_from_roll(roll, &midi, &err);
    if (status == SPIRAL_OK && text) {
        midi.text = strdup(text);
        if (!midi.text) status = err.status = SPIRAL_NO_MEMORY;
    }
    if (status == SPIRAL_OK) status = spiral_midi_save(&midi, path, &err);
    if (notes) *notes = midi.note_count;
    if (seconds) *seconds = spiral_midi_seconds(&midi, midi.end_ticks);
    spiral_midi_clear(&midi);
    return status == SPIRAL_OK ? -1 : cli_error(&err);
}
