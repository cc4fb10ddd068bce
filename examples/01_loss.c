/* SPDX-License-Identifier: MIT
 *
 * What a mistake costs, and which way the gradient points. Needs libspiral alone:
 *     cc examples/01_loss.c $(pkg-config --cflags --libs spiral)
 */
#include <spiral/spiral.h>
#include <stdio.h>
#include <stdlib.h>

enum { P = 36, LOW = 48 }; /* one column of the keys 48..83 */

int main(void) {
    spiral_error err;
    spiral_loss *loss;
    spiral_loss_options options = spiral_loss_options_default();
    options.bce = 0;         /* the geometric term alone, in missed notes */
    options.from_logits = 0; /* predictions are probabilities */
    if (spiral_loss_create(&options, P, &loss, &err)) return fprintf(stderr, "%s\n", err.text), 1;

    /* Right is C4, key 60. Half a probability each goes to B3, one semitone below, and to F#4, six above. */
    double right[P] = {0}, played[P] = {0}, gradient[P], value;
    right[60 - LOW] = 1;
    played[59 - LOW] = played[66 - LOW] = 0.5;
    spiral_strides strides = {P, P, 1}; /* (B, T, P) = (1, 1, P) */
    void *work = aligned_alloc(64, (spiral_loss_work_size_f64(loss, 1) + 63) / 64 * 64);
    if (!work || spiral_loss_value_grad_f64(loss, 1, 1, played, strides, right, strides, NULL, strides,
                                            &value, gradient, strides, work, &err))
        return fprintf(stderr, "%s\n", work ? err.text : "out of memory"), 1;
    printf("half B3 and half F#4 for C4 costs %.2f missed notes; the gradient (below 0: more of it) is\n",
           value);
    printf("  C4 %+.2f, B3 %+.2f, F#4 %+.2f\n", gradient[60 - LOW], gradient[59 - LOW], gradient[66 - LOW]);

    double instead[25], added[25];
    if (spiral_loss_table(loss, 25, instead, added, &err)) return fprintf(stderr, "%s\n", err.text), 1;
    printf("one whole note instead of C4: a semitone off %.2f, an octave %.2f, a tritone %.2f\n", instead[1],
           instead[12], instead[6]);
    free(work);
    spiral_loss_destroy(loss);
    return 0;
}
