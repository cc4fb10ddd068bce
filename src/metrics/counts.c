/* SPDX-License-Identifier: MIT
 *
 * Adding counts, and counts -> the ratios of mir_eval.multipitch and mir_eval.transcription.
 */
#include "base/error.h"
#include "base/sized.h"
#include "metrics/counts.h"

/* Sizes of the structs in the first version with struct_size. A field added later begins where they end. */
enum { COUNTS_FIRST = sizeof(spiral_metrics_counts), METRICS_FIRST = sizeof(spiral_metrics) };

spiral_status spiral__metrics_counts_read(const spiral_metrics_counts *counts, spiral_metrics_counts *known,
                                          spiral_error *err) {
    *known = (spiral_metrics_counts){.struct_size = sizeof *known};
    return spiral__sized_read("metrics counts", counts, COUNTS_FIRST, known, sizeof *known, err);
}

void spiral__metrics_counts_write(const spiral_metrics_counts *known, spiral_metrics_counts *counts) {
    spiral__sized_write(known, sizeof *known, counts, counts->struct_size);
}

spiral_status spiral_metrics_counts_add(spiral_metrics_counts *counts, const spiral_metrics_counts *more,
                                        spiral_error *err) {
    spiral_metrics_counts sum, part;
    SPIRAL_TRY(spiral__metrics_counts_read(counts, &sum, err));
    SPIRAL_TRY(spiral__metrics_counts_read(more, &part, err));
#define SPIRAL_X(type, name) sum.name += part.name;
    SPIRAL_METRICS_COUNTS_LIST(SPIRAL_X)
#undef SPIRAL_X
    spiral__metrics_counts_write(&sum, counts);
    return SPIRAL_OK;
}

static double ratio(uint64_t part, uint64_t whole) { return whole ? (double)part / (double)whole : 0; }

/* The harmonic mean of part/a and part/b. */
static double f1(uint64_t part, uint64_t a, uint64_t b) { return ratio(2 * part, a + b); }

static spiral_metrics ratios(const spiral_metrics_counts *c) {
    uint64_t t = c->target_cells, p = c->predicted_cells;
    uint64_t single = c->misses + c->false_alarms;
    return (spiral_metrics){
        .precision = ratio(c->true_positives, p),
        .recall = ratio(c->true_positives, t),
        .f1 = f1(c->true_positives, t, p),
        .accuracy = ratio(c->true_positives, t + p - c->true_positives),
        .chroma_precision = ratio(c->chroma_true_positives, p),
        .chroma_recall = ratio(c->chroma_true_positives, t),
        .chroma_f1 = f1(c->chroma_true_positives, t, p),
        .chroma_accuracy = ratio(c->chroma_true_positives, t + p - c->chroma_true_positives),
        .substitution = ratio(c->substitutions, t),
        .miss = ratio(c->misses, t),
        .false_alarm = ratio(c->false_alarms, t),
        .total_error = ratio(c->substitutions + single, t),
        .chroma_substitution = ratio(c->chroma_substitutions, t),
        .chroma_total_error = ratio(c->chroma_substitutions + single, t),
        .octave_share = ratio(c->substitutions - c->chroma_substitutions, c->substitutions),
        .exact_windows = ratio(c->windows_exact, c->windows),
        .note_precision = ratio(c->matched_notes, c->predicted_notes),
        .note_recall = ratio(c->matched_notes, c->target_notes),
        .note_f1 = f1(c->matched_notes, c->target_notes, c->predicted_notes),
        .spiral_error = c->helix_cells ? c->helix_energy / (double)c->helix_cells : 0,
        .helix_distance = c->helix_cells ? c->helix_distance / (double)c->helix_cells : 0,
    };
}

spiral_status spiral_metrics_from_counts(const spiral_metrics_counts *counts, spiral_metrics *metrics,
                                         spiral_error *err) {
    spiral_metrics_counts known;
    SPIRAL_TRY(spiral__metrics_counts_read(counts, &known, err));
    SPIRAL_TRY(spiral__sized_check("metrics", metrics->struct_size, METRICS_FIRST, sizeof *metrics, err));
    spiral_metrics made = ratios(&known);
    spiral__sized_write(&made, sizeof made, metrics, metrics->struct_size);
    return SPIRAL_OK;
}
