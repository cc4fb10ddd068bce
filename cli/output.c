/* SPDX-License-Identifier: MIT
 *
 * Output files: checks, locks, names, MIDI (see output.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messages.h"
#include "output.h"
#include "signals.h"

static int cannot_write(const char *path) { return cli_fail("%s: cannot write: %s", path, strerror(errno)); }

/* ---- what may be written ---- */

typedef struct file_id {
    dev_t device;
    ino_t inode;
} file_id;

static struct {
    file_id *at;
    size_t count, capacity;
} inputs;

int cli_check_input(const char *path) {
    static int standard_inputs;
    if (strcmp(path, "-") || !standard_inputs++) return -1;
    return cli_usage("-: standard input can be read only once");
}

int cli_note_input(const char *path) {
    struct stat info;
    if ((strcmp(path, "-") ? stat(path, &info) : fstat(STDIN_FILENO, &info)) || !S_ISREG(info.st_mode))
        return -1;
    if (inputs.count == inputs.capacity) {
        size_t capacity = inputs.capacity ? 2 * inputs.capacity : 16;
        file_id *larger = realloc(inputs.at, capacity * sizeof *larger);
        if (!larger) return cli_no_memory(capacity * sizeof *larger);
        inputs.at = larger;
        inputs.capacity = capacity;
    }
    inputs.at[inputs.count++] = (file_id){info.st_dev, info.st_ino};
    return -1;
}

static int is_input(const struct stat *info) {
    for (size_t i = 0; i < inputs.count; i++)
        if (inputs.at[i].device == info->st_dev && inputs.at[i].inode == info->st_ino) return 1;
    return 0;
}

/* The first bytes of each kind of file; a kind may have several. */
static const struct {
    cli_output_kind kind;
    size_t at;
    const char *bytes;
} beginnings[] = {{CLI_OUTPUT_MIDI, 0, "MThd"},      {CLI_OUTPUT_MIDI, 8, "RMID"},
                  {CLI_OUTPUT_WAV, 8, "WAVE"},       {CLI_OUTPUT_PNG, 1, "PNG\r\n"},
                  {CLI_OUTPUT_SVG, 0, "<?xml"},      {CLI_OUTPUT_SVG, 0, "<svg"},
                  {CLI_OUTPUT_PDF, 0, "%PDF"},       {CLI_OUTPUT_MODEL, 8, "{"},
                  {CLI_OUTPUT_LOG, 0, "{\""},        {CLI_OUTPUT_NPY, 0, "\x93NUMPY"},
                  {CLI_OUTPUT_HTML, 0, "<!doctype"}, {CLI_OUTPUT_PACK, 0, "\x89SPCORP\n"}};

static int is_of_kind(const char *path, cli_output_kind kind) {
    char head[16] = "";
    FILE *file = fopen(path, "rb");
    if (!file) return 1; /* it cannot be read; whether it can be written is checked elsewhere */
    size_t size = fread(head, 1, sizeof head, file);
    fclose(file);
    if (!size) return 1;
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++)
        if (beginnings[i].kind == kind &&
            !memcmp(head + beginnings[i].at, beginnings[i].bytes, strlen(beginnings[i].bytes)))
            return 1;
    return 0;
}

int cli_kind_by_ending(const char *path, cli_output_kind *kind) {
    static const struct {
        const char *ending;
        cli_output_kind kind;
    } kinds[] = {{".png", CLI_OUTPUT_PNG}, {".svg", CLI_OUTPUT_SVG},  {".pdf", CLI_OUTPUT_PDF},
                 {".wav", CLI_OUTPUT_WAV}, {".mid", CLI_OUTPUT_MIDI}, {".midi", CLI_OUTPUT_MIDI}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof kinds / sizeof *kinds; i++)
        if (!strcasecmp(dot, kinds[i].ending)) {
            *kind = kinds[i].kind;
            return 1;
        }
    return 0;
}

int cli_check_target(const char *path, cli_output_kind kind) {
    static const char *const names[] = {
#define SPIRAL_X(name, text) text,
        CLI_KIND_LIST(SPIRAL_X)
#undef SPIRAL_X
    };
    struct stat info;
    if (!strcmp(path, "-") || stat(path, &info)) return -1;
    if (S_ISDIR(info.st_mode)) return cli_fail("%s: cannot write: it is a folder", path);
    if (!S_ISREG(info.st_mode)) return access(path, W_OK) ? cannot_write(path) : -1;
    if (is_input(&info))
        return cli_fail("%s: cannot write: it is one of the files to read; give another name", path);
    if (!(info.st_mode & 0222)) return cli_fail("%s: cannot write: the file is read-only", path);
    if (access(path, W_OK)) return cannot_write(path);
    if (!is_of_kind(path, kind))
        return cli_fail(
            "%s: cannot write: it is not a %s; it is not overwritten: remove it, or give another name", path,
            names[kind]);
    return -1;
}

int cli_temporary_beside(char *beside, const char *path) {
    const char *slash = strrchr(path, '/');
    const size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    if (strlen(slash ? slash + 1 : path) <= NAME_MAX &&
        snprintf(beside, CLI_PATH_SIZE, "%.*s.spiral-%08x.tmp", (int)folder, path, (unsigned)getpid()) <
            CLI_PATH_SIZE)
        return -1;
    errno = ENAMETOOLONG;
    return cannot_write(path);
}

int cli_check_writable(const char *path, cli_output_kind kind) {
    char beside[CLI_PATH_SIZE];
    struct stat info;
    int status = cli_check_target(path, kind);
    if (status >= 0 || (!stat(path, &info) && !S_ISREG(info.st_mode))) return status;
    status = cli_temporary_beside(beside, path);
    if (status >= 0) return status;
    int fd = open(beside, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return cannot_write(path);
    close(fd);
    unlink(beside);
    return -1;
}

/* The part of a path after its last slash, and the folder before it in folder[CLI_PATH_SIZE]. */
static const char *split(const char *path, char *folder) {
    const char *slash = strrchr(path, '/');
    const size_t length = slash ? (size_t)(slash - path) + 1 : 0;
    snprintf(folder, CLI_PATH_SIZE, "%.*s.", (int)length, length ? path : "");
    return slash ? slash + 1 : path;
}

int cli_same_file(const char *a, const char *b) {
    struct stat x, y;
    char folder_a[CLI_PATH_SIZE], folder_b[CLI_PATH_SIZE];
    int there = !stat(a, &x), also = !stat(b, &y);
    if (there && also) return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
    if (there || also || strcmp(split(a, folder_a), split(b, folder_b))) return 0;
    return !stat(folder_a, &x) && !stat(folder_b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

int cli_beside(char *beside, const char *path, const char *ending) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    int length;
    if (strlen(name) + strlen(ending) <= NAME_MAX) {
        length = snprintf(beside, CLI_PATH_SIZE, "%s%s", path, ending);
    } else {
        uint32_t number = 2166136261u; /* FNV-1a */
        for (const char *c = name; *c; c++) number = (number ^ (unsigned char)*c) * 16777619u;
        int kept = (int)(NAME_MAX - strlen(ending) - 9);
        while (kept > 0 && ((unsigned char)name[kept] & 0xc0) == 0x80) kept--; /* whole UTF-8 characters */
        length = snprintf(beside, CLI_PATH_SIZE, "%.*s%.*s-%08x%s", (int)(name - path), path, kept, name,
                          (unsigned)number, ending);
    }
    return length < CLI_PATH_SIZE ? -1 : cli_fail("%.60s...: the path is too long", path);
}

/* ---- locks ---- */

/* The owner may have removed the locked file meanwhile: then a new one is made. */
int cli_lock_take(cli_lock *lock, const char *path, const char *what) {
    struct stat mine, there;
    lock->fd = -1;
    snprintf(lock->path, sizeof lock->path, "%s", path);
    for (;;) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (fd < 0) return cannot_write(path);
        if (flock(fd, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK) {
            close(fd);
            return cli_fail("%s", what);
        }
        if (!fstat(fd, &mine) && !stat(path, &there) && mine.st_ino == there.st_ino) {
            if (mine.st_size) {
                close(fd);
                return cli_fail("%s: cannot write: it exists and is not empty; remove it", path);
            }
            lock->fd = fd;
            cli_signals_remove(lock->path);
            return -1;
        }
        close(fd);
    }
}

void cli_lock_release(cli_lock *lock) {
    if (lock->fd < 0) return;
    unlink(lock->path);
    cli_signals_remove(NULL);
    close(lock->fd);
    lock->fd = -1;
}

/* ---- names and MIDI ---- */

int cli_make_folder(const char *path, int *made) {
    struct stat info;
    *made = 0;
    if (!strcmp(path, "-")) return cli_usage("-o -: the files go to a folder, not to standard output");
    if (!mkdir(path, 0777)) {
        *made = 1;
        return -1;
    }
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
    int checked = cli_check_target(path, CLI_OUTPUT_MIDI);
    if (checked >= 0) return checked;
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
