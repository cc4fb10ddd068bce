/* SPDX-License-Identifier: MIT
 *
 * Writing music; reading, playing and comparing it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audio/synth.h"
#include "engine.h"
#include "spiral/metrics.h"

/* ---- writing ---- */

/* Writes variation `number` of a request: see spiral_generate_request. known, sounding, onsets and sketch may
 * be 0; density NaN: any. The result is a roll; its number is the nats per frame. */
int EXPORT(engine_write)(size_t frames, const spiral_keys *known, const spiral_keys *sounding,
                         const spiral_keys *onsets, const float *sketch, uint32_t seed_low,
                         uint32_t seed_high, uint32_t number, double temperature, int tonic, int minor,
                         double density) {
    spiral_generate_request q;
    spiral_generate_result result = {.struct_size = sizeof result};
    spiral_roll roll;
    if (engine_need_pack()) return -1;
    spiral_generate_request_default(&q, sizeof q);
    q.frames = frames;
    q.known = known;
    q.sounding = sounding;
    q.onsets = onsets;
    q.sketch = sketch;
    q.seed = ((uint64_t)seed_high << 32 | seed_low) + number;
    q.temperature = temperature;
    q.tonic = tonic;
    q.minor = minor;
    q.density = density;
    if (spiral_generate(e.pack.model, &q, 1, &roll, &result, &e.error) != SPIRAL_OK) return -1;
    spiral_roll_clear(&e.roll);
    e.roll = roll;
    e.number = result.nats_per_frame;
    return 0;
}

/* known (frames): all cells of the first `given` frames. */
void EXPORT(engine_know_past)(size_t frames, size_t given, spiral_keys *known) {
    for (size_t t = 0; t < frames; t++)
        known[t] = t < given ? spiral_keys_range(0, 127) : (spiral_keys){{0, 0}};
}

/* known (frames): all cells but keys low..high of frames from..to-1, and of these the locked ones (0: none).
 */
void EXPORT(engine_know_around)(size_t frames, size_t from, size_t to, int low, int high,
                                const spiral_keys *locked, spiral_keys *known) {
    low = low < 0 ? 0 : low > 127 ? 127 : low;
    high = high < low ? low : high > 127 ? 127 : high;
    const spiral_keys region = spiral_keys_range(low, high);
    for (size_t t = 0; t < frames; t++)
        for (int i = 0; i < 2; i++)
            known[t].word[i] =
                (t >= from && t < to ? ~region.word[i] : ~(uint64_t)0) | (locked ? locked[t].word[i] : 0);
}

static int lowest_key(spiral_keys keys) {
    if (keys.word[0]) return __builtin_ctzll(keys.word[0]);
    return keys.word[1] ? 64 + __builtin_ctzll(keys.word[1]) : -1;
}

/* known (frames): the cells that sound; with `below`, also all cells above the lowest of them, as in `spiral
 * harmonize`. */
void EXPORT(engine_know_melody)(size_t frames, const spiral_keys *sounding, int below, spiral_keys *known) {
    int lowest = -1;
    for (size_t t = 0; t < frames && lowest < 0; t++) lowest = lowest_key(sounding[t]);
    for (size_t t = 0; t < frames; t++) {
        const int now = lowest_key(sounding[t]);
        if (now >= 0) lowest = now;
        known[t] = below && lowest >= 0 ? spiral_keys_range(lowest, 127) : sounding[t];
    }
}

/* ---- MIDI and sound ---- */

/* One sentence each, on a line of its own. */
static int write_warnings(const spiral_midi *midi, const spiral_roll_report *r) {
    enum { SIZE = 4096 };
    char *text = malloc(SIZE);
    if (!text) return engine_fail("out of memory");
    int n = spiral_midi_warnings_text(midi->warnings, text, SIZE);
    n = n < SIZE ? n : SIZE - 1;
    struct {
        size_t count;
        const char *what;
    } const parts[] = {{r->notes_low, "too low for the model and left out"},
                       {r->notes_high, "too high for the model and left out"},
                       {r->notes_drums, "percussion and left out"},
                       {r->notes_folded, "moved by octaves into the model's range"}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (parts[i].count && n < SIZE - 128)
            n += snprintf(text + n, (size_t)(SIZE - n), "%s%zu of the notes: %s", n ? "\n" : "",
                          parts[i].count, parts[i].what);
    if (r->transposed_by && n < SIZE - 128)
        n += snprintf(text + n, (size_t)(SIZE - n), "%sall notes were moved by %d semitones", n ? "\n" : "",
                      r->transposed_by);
    engine_keep_bytes((unsigned char *)text, (size_t)n);
    return 0;
}

/* Reads a MIDI file: a roll, its tempo as the number, and warnings as the bytes. */
int EXPORT(engine_open_midi)(const unsigned char *bytes, size_t size) {
    spiral_midi midi;
    spiral_roll_options options;
    spiral_roll_report report = {.struct_size = sizeof report};
    spiral_roll roll = {0};
    if (engine_need_pack() || spiral_midi_read(bytes, size, &midi, &e.error) != SPIRAL_OK) return -1;
    spiral_roll_options_default(&options, sizeof options);
    spiral_model_config_get_roll(&e.pack.model->config, &options);
    int status = spiral_roll_from_midi(&midi, &options, &roll, &report, &e.error) == SPIRAL_OK ? 0 : -1;
    if (!status && !roll.frames)
        status = engine_fail(report.notes         ? "none of the notes is in the model's range"
                             : report.notes_drums ? "the file has drums only, no pitches"
                                                  : "the file has no notes");
    if (!status && roll.frames > SPIRAL_GENERATE_FRAMES_MAX)
        status = engine_fail("the music is too long for the page");
    if (!status) status = write_warnings(&midi, &report);
    spiral_midi_clear(&midi);
    if (status) {
        spiral_roll_clear(&roll);
        return status;
    }
    spiral_roll_clear(&e.roll);
    e.roll = roll;
    e.number = roll.grid.kind == SPIRAL_GRID_BEATS ? roll.quarters_per_min : 120;
    return 0;
}

/* The bytes are a MIDI file. */
int EXPORT(engine_save_midi)(size_t frames, spiral_keys *sounding, spiral_keys *onsets, double tempo) {
    spiral_midi midi;
    size_t size = 0;
    if (engine_need_pack()) return -1;
    const spiral_roll roll = engine_borrow(frames, sounding, onsets, tempo);
    if (spiral_midi_from_roll(&roll, &midi, &e.error) != SPIRAL_OK) return -1;
    int status = spiral_midi_size(&midi, &size, &e.error) == SPIRAL_OK ? 0 : -1;
    unsigned char *bytes = status ? NULL : malloc(size + 1);
    if (!status && !bytes) status = engine_fail("out of memory");
    if (!status && spiral_midi_write(&midi, bytes, size, &e.error) != SPIRAL_OK) status = -1;
    spiral_midi_clear(&midi);
    if (status)
        free(bytes);
    else
        engine_keep_bytes(bytes, size);
    return status;
}

/* The bytes are a WAV file. */
int EXPORT(engine_wav)(size_t frames, spiral_keys *sounding, spiral_keys *onsets, double tempo, int rate) {
    spiral_midi midi;
    spiral_audio_options options;
    unsigned char *bytes;
    size_t size;
    if (engine_need_pack()) return -1;
    const spiral_roll roll = engine_borrow(frames, sounding, onsets, tempo);
    if (spiral_midi_from_roll(&roll, &midi, &e.error) != SPIRAL_OK) return -1;
    spiral_audio_options_default(&options, sizeof options);
    options.synth = SPIRAL_SYNTH_ADDITIVE;
    options.rate_hz = rate;
    const spiral_status status = spiral__audio_write(&midi, &options, &bytes, &size, NULL, &e.error);
    spiral_midi_clear(&midi);
    if (status != SPIRAL_OK) return -1;
    engine_keep_bytes(bytes, size);
    return 0;
}

/* The bytes are `count` floats: one key held for as long, mono. */
int EXPORT(engine_tone)(int key, size_t count, int rate) {
    if (key < 0 || key > 127 || rate < 8000 || rate > 192000 || count < 1 || count > 60 * (size_t)rate)
        return engine_fail("no such tone");
    spiral__audio audio = {.rate_hz = rate, .frames = count, .samples = calloc(2 * count, sizeof(float))};
    if (!audio.samples) return engine_fail("out of memory");
    const spiral__timed_note note = {0, (double)count / rate, key, 80, 0};
    spiral__additive_render(&note, 1, &audio);
    for (size_t i = 0; i < count; i++)
        audio.samples[i] = (audio.samples[2 * i] + audio.samples[2 * i + 1]) / 2;
    engine_keep_bytes((unsigned char *)audio.samples, count * sizeof *audio.samples);
    return 0;
}

/* ---- comparing ---- */

/* The number is the distance of two rolls on the helix, in missed notes a frame. */
int EXPORT(engine_compare)(size_t frames, const spiral_keys *a, const spiral_keys *b) {
    const spiral_helix helix = spiral_helix_default();
    spiral_metrics_counts counts = {.struct_size = sizeof counts};
    if (spiral_metrics_add_helix(&counts, &helix, a, b, frames, &e.error) != SPIRAL_OK) return -1;
    e.number = frames ? counts.helix_energy / (double)frames : 0;
    return 0;
}

/* The passage of the training music that is most similar to one of the roll: the number is the share of equal
 * cells, the bytes the file's name. Returns the frame in the file, or -1; -2: the roll is too short, or no
 * piece is long enough; -3: the pack has no music. */
int EXPORT(engine_nearest)(size_t frames, spiral_keys *sounding) {
    spiral_passage passage = {.struct_size = sizeof passage};
    if (engine_need_pack()) return -1;
    if (!e.pack.music) return -3;
    const spiral_roll roll = engine_borrow(frames, sounding, NULL, 120);
    const spiral_status status = spiral_corpus_nearest_passage(
        e.pack.music, &roll, spiral_generate_passage_frames(e.pack.model), 1, &passage, &e.error);
    if (status == SPIRAL_NO_DATA) return -2;
    if (status != SPIRAL_OK) return -1;
    const char *name = e.pack.music->entries[passage.file].path;
    const size_t size = strlen(name);
    unsigned char *copy = malloc(size + 1);
    if (!copy) return engine_fail("out of memory");
    memcpy(copy, name, size + 1);
    engine_keep_bytes(copy, size);
    e.number = passage.share;
    return (int)passage.file_begin;
}

/* The share above which a passage is closer to the training music than unseen music is; NaN: not known. */
double EXPORT(engine_limit)(void) { return e.pack.model ? spiral_generate_passage_limit(e.pack.model) : NAN; }

/* The bytes are doubles x, y, z of 128 keys on the helix; z is upward. */
int EXPORT(engine_helix)(void) {
    const spiral_helix helix = spiral_helix_default();
    double *points = malloc(128 * 3 * sizeof *points);
    if (!points) return engine_fail("out of memory");
    for (int key = 0; key < 128; key++) {
        const double angle = 2 * 3.14159265358979323846 * key / 12;
        points[3 * key] = helix.radii[0] * cos(angle);
        points[3 * key + 1] = helix.radii[0] * sin(angle);
        points[3 * key + 2] = helix.octave * key / 12;
    }
    engine_keep_bytes((unsigned char *)points, 128 * 3 * sizeof *points);
    return 0;
}
