/* SPDX-License-Identifier: MIT
 *
 * The cost of a mistake, and its gradient. Needs only libspiral:
 *     cc examples/01_loss.c $(pkg-config --cflags --libs spiral)
 */
#include <spiral/spiral.h>
#include <stdio.h>

enum { P = 36, LOW = 48 }; /* one frame of the keys 48..83 */

int main(void) {
    spiral_error err;
    spiral_loss *loss;
    spiral_loss_options options;
    spiral_loss_options_default(&options, sizeof options);
    options.bce = 0;         /* the kind alone, in missed notes */
    options.from_logits = 0; /* predictions are probabilities */
    if (spiral_loss_create(&options, P, &loss, &err)) return fprintf(stderr, "%s\n", err.text), 1;

    /* The target is C4, key 60. B3, one semitone below, and F#4, six above, have probability .5. */
    double target[P] = {0}, predicted[P] = {0}, gradient[P], value;
    target[60 - LOW] = 1;
    predicted[59 - LOW] = predicted[66 - LOW] = 0.5;
    if (spiral_loss_value_grad_btp_f64(loss, 1, 1, predicted, target, &value, gradient, NULL, &err))
        return fprintf(stderr, "%s\n", err.text), 1;
    printf("half B3 and half F#4 for C4 costs %.2f missed notes; the gradient (below 0: more of it) is\n",
           value);
    printf("  C4 %+.2f, B3 %+.2f, F#4 %+.2f\n", gradient[60 - LOW], gradient[59 - LOW], gradient[66 - LOW]);

    double substitute[25], insert[25];
    if (spiral_loss_table(loss, 25, substitute, insert, &err)) return fprintf(stderr, "%s\n", err.text), 1;
    printf("one note instead of C4: a semitone off %.2f, an octave %.2f, a tritone %.2f\n", substitute[1],
           substitute[12], substitute[6]);
    spiral_loss_destroy(loss);
    return 0;
}
