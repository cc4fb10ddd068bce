/* SPDX-License-Identifier: MIT
 *
 * One flag of a verb, the values of the flags that every verb takes, and flags that several verbs share.
 */
#ifndef SPIRAL_CLI_FLAG_TYPES_H
#define SPIRAL_CLI_FLAG_TYPES_H

#include <stdint.h>

typedef enum cli_kind {
    CLI_SWITCH, /* int: set to 1 */
    CLI_INT,    /* int64_t, low..high */
    CLI_REAL,   /* double, low..high */
    CLI_TIME,   /* double, seconds: 10ms, 120s, 5min, 1h; low..high in seconds */
    CLI_TEXT,   /* const char *, borrowed from argv */
    CLI_PATH,   /* the same; shells complete it with file names */
    CLI_CHOICE, /* int: index in choices */
} cli_kind;

/* The value a flag points to is its default. A negative number or NULL means "no default": help shows none.
 */
typedef struct cli_flag {
    const char *name; /* long name; one letter: a short flag */
    cli_kind kind;
    void *value;
    const char *placeholder, *help; /* help: no full stop */
    double low, high;
    const char *const *choices; /* ends with NULL */
} cli_flag;

/* Values of the flags that every verb takes. */
typedef struct cli_common {
    int json, quiet, help;
    int strict;      /* only of verbs with CLI_STRICT_FLAG */
    int verbose;     /* only of verbs with CLI_VERBOSE_FLAG */
    int format;      /* how to print the flags: enum cli_format (help.h); hidden */
    int64_t threads; /* 0: one per processor */
} cli_common;

/* For verbs that read MIDI files. */
#define CLI_STRICT_FLAG(common) \
    { "strict", CLI_SWITCH, &(common).strict, NULL, "refuse MIDI files that the reader has to repair" }

/* For verbs that read folders. */
#define CLI_VERBOSE_FLAG(common)                                                                         \
    {                                                                                                    \
        "verbose", CLI_SWITCH, &(common).verbose, NULL,                                                  \
            "name every file that is left out, cut or not read, one per line (else one line per reason)" \
    }

/* For verbs that match notes of two pieces; seconds: a double. */
#define CLI_TOLERANCE_FLAG(seconds) \
    { "tolerance", CLI_TIME, &(seconds), "TIME", "largest onset difference of two notes that match", 0, 10 }

#endif
