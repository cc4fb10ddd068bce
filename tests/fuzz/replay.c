/* SPDX-License-Identifier: MIT
 *
 * A main for the fuzz targets that needs no fuzzer:
 *
 *     replay-<target> [--each-byte] [--damaged N] [--seed S] FILE or FOLDER ...
 *
 * runs the target on every file; with --each-byte, on every file up to 8 KiB cut at each byte and with each
 * byte changed; with --damaged, on N damaged copies of the files in turn. The output is TAP. When the target
 * aborts, the input is written to crash-<target>.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"

enum { EACH_BYTE_MAX = 8192, EXTRA_CAPACITY = 4096 };

typedef struct input {
    char *name;
    unsigned char *bytes;
    size_t size;
} input;

static input *inputs;
static size_t input_count;

/* ---- the current input, which is kept if the target aborts ---- */

static struct {
    char title[512], path[256];
    const unsigned char *bytes;
    size_t size;
} now;

static void keep_input(void) {
    if (!now.bytes) return;
    FILE *file = fopen(now.path, "wb");
    if (file && fwrite(now.bytes, 1, now.size, file) == now.size)
        fprintf(stderr, "%s; the input is in %s\n", now.title, now.path);
    if (file) fclose(file);
    now.bytes = NULL;
}

static void on_signal(int number) { /* the process ends here, so calling functions that are not
                                       async-signal-safe is acceptable */
    keep_input();
    signal(number, SIG_DFL);
    raise(number);
}

extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void watch(const char *program) {
    const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;
    snprintf(now.path, sizeof now.path, "crash-%.200s", strncmp(name, "replay-", 7) ? name : name + 7);
    signal(SIGABRT, on_signal);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(keep_input);
    else
        signal(SIGSEGV, on_signal);
}

/* Runs the target on a copy of exactly this size, so that a sanitizer detects a read beyond the end. */
static void run(const unsigned char *bytes, size_t size) {
    unsigned char *copy = malloc(size ? size : 1);
    FUZZ_CHECK(copy);
    if (size) memcpy(copy, bytes, size);
    now.bytes = copy;
    now.size = size;
    LLVMFuzzerTestOneInput(copy, size);
    now.bytes = NULL;
    free(copy);
}

/* ---- files ---- */

static void die(const char *what, const char *path) {
    perror(path);
    printf("Bail out! %s %s\n", what, path);
    exit(1);
}

static void add_file(const char *path, size_t size) {
    input *larger = realloc(inputs, (input_count + 1) * sizeof *inputs);
    unsigned char *bytes = malloc(size + 1);
    char *name = malloc(strlen(path) + 1);
    FILE *file = fopen(path, "rb");
    if (!larger || !bytes || !name || !file || fread(bytes, 1, size, file) != size) die("cannot read", path);
    fclose(file);
    inputs = larger;
    inputs[input_count++] = (input){strcpy(name, path), bytes, size};
}

static void add_path(const char *path);

static void add_folder(const char *path) {
    struct dirent **entries;
    int n = scandir(path, &entries, NULL, alphasort);
    if (n < 0) die("cannot read", path);
    for (int i = 0; i < n; i++) {
        char inner[4096];
        snprintf(inner, sizeof inner, "%s/%s", path, entries[i]->d_name);
        if (entries[i]->d_name[0] != '.') add_path(inner);
        free(entries[i]);
    }
    free(entries);
}

static void add_path(const char *path) {
    struct stat info;
    if (stat(path, &info)) die("cannot read", path);
    if (S_ISDIR(info.st_mode))
        add_folder(path);
    else
        add_file(path, (size_t)info.st_size);
}

/* ---- runs ---- */

static int done;

static void ok(const char *what) {
    printf("ok %d - %s\n", ++done, what);
    fflush(stdout);
}

static void run_files(void) {
    for (size_t i = 0; i < input_count; i++) {
        const char *slash = strrchr(inputs[i].name, '/');
        snprintf(now.title, sizeof now.title, "%s", inputs[i].name);
        run(inputs[i].bytes, inputs[i].size);
        ok(slash ? slash + 1 : inputs[i].name);
    }
}

static void run_each_byte(void) {
    char what[100];
    size_t runs = 0;
    for (size_t i = 0; i < input_count; i++)
        for (size_t at = 0; at < inputs[i].size && inputs[i].size <= EACH_BYTE_MAX; at++, runs += 3) {
            unsigned char *byte = &inputs[i].bytes[at], kept = *byte;
            snprintf(now.title, sizeof now.title, "%.400s cut or changed at byte %zu", inputs[i].name, at);
            run(inputs[i].bytes, at);
            *byte = kept ^ 0x80;
            run(inputs[i].bytes, inputs[i].size);
            *byte = kept == 0xff ? 0 : 0xff;
            run(inputs[i].bytes, inputs[i].size);
            *byte = kept;
        }
    snprintf(what, sizeof what, "%zu files cut or changed at each byte", runs);
    ok(what);
}

static void run_damaged(uint64_t count, uint64_t seed) {
    char what[100];
    for (uint64_t i = 0; i < count; i++) {
        const input *from = &inputs[i % input_count];
        size_t capacity = from->size + EXTRA_CAPACITY;
        unsigned char *bytes = malloc(capacity);
        spiral__rng rng = spiral__rng_init(seed, i);
        FUZZ_CHECK(bytes);
        memcpy(bytes, from->bytes, from->size);
        size_t size = fuzz_damage(fuzz_target_attack, &rng, bytes, from->size, capacity);
        snprintf(now.title, sizeof now.title, "%.300s damaged, number %llu of seed %llu", from->name,
                 (unsigned long long)i, (unsigned long long)seed);
        run(bytes, size);
        free(bytes);
    }
    snprintf(what, sizeof what, "%llu damaged files, seed %llu", (unsigned long long)count,
             (unsigned long long)seed);
    ok(what);
}

int main(int argc, char **argv) {
    uint64_t damaged = 0, seed = 1;
    int each_byte = 0;
    watch(argv[0]);
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--each-byte"))
            each_byte = 1;
        else if (!strcmp(argv[i], "--damaged") && i + 1 < argc)
            damaged = strtoull(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
            seed = strtoull(argv[++i], NULL, 10);
        else
            add_path(argv[i]);
    }
    if (!input_count) die("no input in", argc > 1 ? argv[argc - 1] : "the arguments");
    run_files();
    if (each_byte) run_each_byte();
    if (damaged) run_damaged(damaged, seed);
    printf("1..%d\n", done);
    for (size_t i = 0; i < input_count; i++) {
        free(inputs[i].name);
        free(inputs[i].bytes);
    }
    free(inputs);
    return 0;
}
