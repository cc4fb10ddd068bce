/* SPDX-License-Identifier: MIT
 *
 * Counts -> the ratios people quote: the names and formulas of mir_eval.multipitch and
 * mir_eval.transcription.
 */
#include "spiral/metrics.h"

static double ratio(uint64_t part, uint64_t whole) { return whole ? (double)part / (double)whole : 0; }

/* Harmonic mean of hits/predicted and hits/target, without going through either. */
static double f1(uint64_t hits, uint64_t target, uint64_t predicted) {
    return ratio(2 * hits, target + predicted);
}

spiral_metrics spiral_metrics_from_counts(const spiral_metrics_counts *c) {
    uint64_t t = c->target_notes, p = c->predicted_notes;
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
        .note_precision = ratio(c->notes_matched, c->notes_predicted),
        .note_recall = ratio(c->notes_matched, c->notes_target),
        .note_f1 = f1(c->notes_matched, c->notes_target, c->notes_predicted),
        .spiral_error = c->helix_notes ? c->helix_energy / (double)c->helix_notes : 0,
        .helix_distance = c->helix_notes ? c->helix_distance / (double)c->helix_notes : 0,
    };
}

void spiral_metrics_counts_add(spiral_metrics_counts *c, const spiral_metrics_counts *more) {
    c->frames += more->frames;
    c->target_notes += more->target_notes;
    c->predicted_notes += more->predicted_notes;
    c->true_positives += more->true_positives;
    c->chroma_true_positives += more->chroma_true_positives;
    c->substitutions += more->substitutions;
    c->misses += more->misses;
    c->false_alarms += more->false_alarms;
    c->chroma_substitutions += more->chroma_substitutions;
    c->windows += more->windows;
    c->windows_exact += more->windows_exact;
    c->notes_target += more->notes_target;
    c->notes_predicted += more->notes_predicted;
    c->notes_matched += more->notes_matched;
    c->helix_energy += more->helix_energy;
    c->helix_notes += more->helix_notes;
    c->helix_distance += more->helix_distance;
}
