/* SPDX-License-Identifier: MIT
 *
 * spiral render: MIDI or a text score to audio, a picture or MIDI, by the ending of the output; or a picture
 * of the helix.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "flags.h"
#include "helices.h"
#include "json.h"
#include "load.h"
#include "messages.h"
#include "output.h"
#include "signals.h"
#include "spiral/audio.h"
#include "spiral/loss.h"
#include "spiral/plot.h"

static const char *const synths[] = {"any", "additive", "fluidsynth",
                                     NULL}; /* in the order of spiral_synth */

typedef struct settings {
    cli_output_kind kind;
    const char *output, *against, *soundfont, *grid;
    int draw_helix, helix, synth, pedal;
    double gain;
} settings;

/* fontconfig crashes or never returns when memory is very short. On a new system it takes some seconds to
 * read the fonts. */
static int load_fonts(void) {
    spiral_error err = {.text = ""};
    cli_signals_guard_begin(
        "spiral render: the fonts could not be loaded: out of memory, or a fault of fontconfig\n", 60);
    const spiral_status status = spiral_plot_load_fonts(&err);
    cli_signals_guard_end();
    return status == SPIRAL_OK ? -1 : cli_error(&err);
}

static int draw_helix(const settings *s) {
    enum { INTERVALS = 25 };
    double substitute[INTERVALS], insert[INTERVALS];
    spiral_loss_options options;
    spiral_loss_options_default(&options, sizeof options);
    spiral_loss *loss = NULL;
    spiral_error err = {.text = ""};
    int checked = cli_check_target(s->output, s->kind);
    if (checked < 0) checked = load_fonts();
    if (checked >= 0) return checked;
    spiral_status status = spiral_helix_from_name(cli_helices[s->helix], &options.helix, &err);
    if (status == SPIRAL_OK) status = spiral_loss_create(&options, 36, &loss, &err);
    if (status == SPIRAL_OK) status = spiral_loss_table(loss, INTERVALS, substitute, insert, &err);
    if (status == SPIRAL_OK)
        status = spiral_plot_helix(&options.helix, 48, 83, INTERVALS, substitute, insert, s->output, &err);
    spiral_loss_destroy(loss);
    return status == SPIRAL_OK ? -1 : cli_error(&err);
}

static int load_piece(const settings *s, const char *path, const cli_common *common, spiral_midi *midi) {
    spiral_error err = {.text = ""};
    int status = cli_load_piece(path, common, midi);
    if (status < 0 && s->pedal && spiral_midi_apply_pedal(midi, &err) != SPIRAL_OK)
        status = cli_error_in(path, &err);
    return status;
}

/* Makes the roll for a picture: all keys, frames of 20 ms. Adds its notes to *notes. */
static int roll_piece(const settings *s, const char *path, const cli_common *common, spiral_roll *roll,
                      size_t *notes) {
    spiral_roll_options options;
    spiral_roll_options_default(&options, sizeof options);
    options.grid.frame_us = 20000;
    options.low = 0;
    options.high = 127;
    options.onsets = 1;
    spiral_midi midi = {0};
    spiral_roll_report report = {.struct_size = sizeof report};
    spiral_error err = {.text = ""};
    int status = load_piece(s, path, common, &midi);
    if (status >= 0) return status;
    if (spiral_roll_from_midi(&midi, &options, roll, &report, &err) != SPIRAL_OK)
        status = cli_fail("%s: %s", path, err.text);
    else if (!roll->frames)
        status = cli_fail("%s: %s", path,
                          report.notes_drums ? "it has drums only, no pitches" : "it has no notes");
    *notes += report.notes_kept - report.notes_doubled;
    spiral_midi_clear(&midi);
    return status;
}

static int draw_piece(const settings *s, const char *path, const cli_common *common) {
    enum { SVG_BYTES = 235 }; /* of a note, measured */
    spiral_roll roll = {0}, reference = {0};
    size_t notes = 0;
    spiral_error err = {.text = ""};
    const char *slash = strrchr(path, '/');
    int status = roll_piece(s, path, common, &roll, &notes);
    if (status < 0 && s->against) status = roll_piece(s, s->against, common, &reference, &notes);
    if (status < 0) status = cli_check_target(s->output, s->kind);
    if (status < 0) status = load_fonts();
    if (status < 0 && s->kind == CLI_OUTPUT_SVG)
        cli_note_large(common, s->output, SVG_BYTES * (double)notes, "on disk; .pdf and .png are smaller");
    if (status < 0 && spiral_plot_roll(&roll, s->against ? &reference : NULL, slash ? slash + 1 : path,
                                       s->output, &err) != SPIRAL_OK)
        status = cli_error(&err);
    spiral_roll_clear(&roll);
    spiral_roll_clear(&reference);
    return status;
}

/* Only FluidSynth plays programs, controllers and pitch bends. */
static void note_not_played(const char *path, const cli_common *common, const spiral_midi *midi,
                            spiral_synth synth) {
    uint32_t counts[SPIRAL_MIDI_NOT_KEPT_CAPACITY];
    memcpy(counts, midi->not_kept, sizeof counts);
    for (int i = SPIRAL_MIDI_NOT_KEPT_NAME; i < SPIRAL_MIDI_NOT_KEPT_COUNT; i++) counts[i] = 0;
    for (size_t i = 0; synth != SPIRAL_SYNTH_FLUID && i < midi->event_count; i++) {
        const int kind = midi->events[i].status >> 4;
        counts[kind == 0xb   ? SPIRAL_MIDI_NOT_KEPT_CONTROLLER
               : kind == 0xc ? SPIRAL_MIDI_NOT_KEPT_PROGRAM
                             : SPIRAL_MIDI_NOT_KEPT_PITCH_BEND]++;
    }
    cli_note_not_kept(common, path, "played", counts);
}

static int play_or_convert(const settings *s, const char *path, const cli_common *common) {
    enum { WAV_BYTES = 4 }; /* of a frame: two channels of 16 bits */
    spiral_midi midi = {0};
    spiral_error err = {.text = ""};
    spiral_synth synth = SPIRAL_SYNTH_ANY;
    spiral_audio_options options;
    spiral_audio_options_default(&options, sizeof options);
    options.synth = (spiral_synth)s->synth;
    options.soundfont = s->soundfont;
    options.gain = s->gain;
    int status = load_piece(s, path, common, &midi);
    if (status >= 0) return status;
    status = midi.note_count ? cli_check_target(s->output, s->kind) : cli_fail("%s: it has no notes", path);
    if (status < 0 && s->kind == CLI_OUTPUT_WAV)
        cli_note_large(common, s->output,
                       WAV_BYTES * options.rate_hz * spiral_midi_seconds(&midi, spiral_midi_music_end(&midi)),
                       "on disk, and twice as much memory");
    if (status < 0 && (s->kind == CLI_OUTPUT_WAV ? spiral_audio_save(&midi, &options, s->output, &synth, &err)
                                                 : spiral_midi_save(&midi, s->output, &err)) != SPIRAL_OK)
        status = err.status == SPIRAL_IO || err.status == SPIRAL_FORMAT /* of the SoundFont */
                     ? cli_error(&err)
                     : cli_error_in(path, &err);
    if (status < 0 && s->kind == CLI_OUTPUT_WAV) note_not_played(path, common, &midi, synth);
    if (status < 0 && s->kind != CLI_OUTPUT_WAV) cli_note_not_kept(common, path, "written", midi.not_kept);
    spiral_midi_clear(&midi);
    return status;
}

static int render(settings *s, const char *path, const cli_common *common) {
    if (!cli_kind_by_ending(s->output, &s->kind))
        return cli_usage("-o %s: the ending must be .wav, .png, .svg, .pdf or .mid", s->output);
    int picture = s->kind == CLI_OUTPUT_PNG || s->kind == CLI_OUTPUT_SVG || s->kind == CLI_OUTPUT_PDF;
    if (s->draw_helix && !picture)
        return cli_usage("-o %s: the ending must be .png, .svg or .pdf for a picture of the helix",
                         s->output);
    if (s->draw_helix) return draw_helix(s);
    return picture ? draw_piece(s, path, common) : play_or_convert(s, path, common);
}

int verb_render(const cli_verb *verb, int argc, char **argv) {
    settings s = {.output = NULL, .gain = 1};
    cli_common common = {0};
    int first;
    const cli_flag flags[] = {
        {"o", CLI_PATH, &s.output, "OUT", "file to write: .wav, .png, .svg, .pdf or .mid"},
        {"against", CLI_PATH, &s.against, "PIECE",
         "picture: compare with this piece; colours show true positives, missed notes and false positives"},
        {"synth", CLI_CHOICE, &s.synth, "NAME",
         "audio: synthesizer; any: FluidSynth if it and a SoundFont are found", 0, 0, synths},
        {"soundfont", CLI_PATH, &s.soundfont, "FILE", "audio: SoundFont (.sf2 or .sf3) for FluidSynth"},
        {"gain", CLI_REAL, &s.gain, "X", "audio: factor of the amplitude", 1e-3, 100},
        {"draw-helix", CLI_SWITCH, &s.draw_helix, NULL,
         "picture of the helix and of the cost of each interval; takes no piece"},
        {"helix", CLI_CHOICE, &s.helix, "NAME", "picture of the helix: which preset", 0, 0, cli_helices},
        {"pedal", CLI_SWITCH, &s.pedal, NULL, "the sustain and sostenuto pedals prolong notes"},
        CLI_STRICT_FLAG(common),
        {NULL}};
    int status = cli_parse(verb, argc, argv, flags, &common, &first);
    if (status < 0) status = cli_count(verb, argc, first, s.draw_helix ? 0 : 1, s.draw_helix ? 0 : 1);
    if (status < 0 && !s.output) status = cli_usage("-o OUT is missing; its ending decides what is made");
    if (status < 0) status = render(&s, s.draw_helix ? NULL : argv[first], &common);
    if (status >= 0) return status;
    if (cli_prints_text(&common)) {
        cli_print_name(stdout, s.output);
        putchar('\n');
    }
    return cli_finish(&common, json_pack("{s:o}", "path", cli_text(s.output)));
}
