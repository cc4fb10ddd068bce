/* SPDX-License-Identifier: MIT
 *
 * A music autoencoder in one file: MIDI bytes -> notes -> piano roll -> autoencoder -> loss -> gradient ->
 * Adam -> a lower loss -> decoded roll -> MIDI bytes. Plain double precision, one thread, libc and libm;
 * nothing of the library is used. Numbers in brackets are equations of docs/math.md.
 *
 *     cc -O2 examples/00_autoencoder_in_one_file.c -lm -o autoencoder
 *     ./autoencoder                       trains on a built-in tune; writes autoencoder.mid
 *     ./autoencoder tune.mid back.mid     trains on your tune; writes what the network reconstructs of it
 *
 * How it compares with the library: notes, rolls, loss values and the loss's gradients are the same, which
 * tests/examples/test_autoencoder_in_one_file.c checks. The network is not the library's: it has four dense
 * layers with leaky rectifiers, while the library's has layer normalisation, SiLU and a linear path from
 * window to latent and back. Only its own gradient is checked, against central differences. The MIDI reader
 * gives up on faulty files, which the library repairs.
 *
 * Read next: 01_loss.c, then ARCHITECTURE.md.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { P = 36, LOW = 48 };         /* keys of a roll: MIDI numbers 48..83, C3 to B5 */
enum { T = 36, FRAME_US = 10000 }; /* a window is 36 frames of 10 ms */
enum { D = T * P };                /* its cells, ordered (T, P) */
enum { H = 128, Z = 12 };          /* hidden units; length of the latent, which every window is encoded to */
enum { BATCH = 16, STEPS = 300 };
static const double PI = 3.14159265358979323846;

static void die(const char *why) {
    fprintf(stderr, "autoencoder: %s\n", why);
    exit(1);
}

static void *zeros(size_t count, size_t size) {
    void *p = calloc(count + 1, size);
    if (!p) die("out of memory");
    return p;
}

/* ---- 1. MIDI bytes -> notes, in ticks ----
 *
 * A file is a header and tracks. A track is a list of events, each with the ticks since the one before. The
 * length of a tick depends on `division` (ticks per quarter note) and on tempo events, which apply to all
 * tracks. The library's reader is src/midi/midi_read.c.
 */
typedef struct note {
    long long on_ticks, off_ticks; /* off < 0: still sounding */
    int track, channel, pitch, velocity;
} note;

typedef struct tempo {
    long long at_ticks, us_per_quarter;
} tempo;

typedef struct song {
    long long division; /* ticks per quarter */
    size_t note_count, tempo_count;
    note *notes;
    tempo *tempos; /* in order of time */
} song;

typedef struct reader {
    const unsigned char *at, *end;
} reader;

static const unsigned char *take(reader *r, size_t n) {
    if ((size_t)(r->end - r->at) < n) die("the file ends too early");
    r->at += n;
    return r->at - n;
}

static unsigned long big_endian(reader *r, size_t n) {
    unsigned long value = 0;
    for (const unsigned char *b = take(r, n); n--; b++) value = value << 8 | *b;
    return value;
}

/* A number of variable length: seven bits per byte, the highest first; a set top bit means that more bytes
 * follow. */
static size_t number(reader *r) {
    size_t value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned b = *take(r, 1);
        value = value << 7 | (b & 127);
        if (b < 128) return value;
    }
    die("a number of more than four bytes");
    return 0;
}

static void add_tempo(song *s, long long now, const unsigned char *b) {
    size_t i = s->tempo_count++; /* keep them sorted: tracks are read one after another */
    for (; i > 0 && s->tempos[i - 1].at_ticks > now; i--) s->tempos[i] = s->tempos[i - 1];
    s->tempos[i] = (tempo){now, b[0] << 16 | b[1] << 8 | b[2]};
}

/* A note-off ends the oldest note of its channel and key that still sounds. */
static void end_note(song *s, size_t first, long long now, int channel, int pitch) {
    for (size_t i = first; i < s->note_count; i++) {
        note *n = &s->notes[i];
        if (n->off_ticks >= 0 || n->channel != channel || n->pitch != pitch) continue;
        n->off_ticks = now;
        return;
    }
}

static void read_track(song *s, reader r, int track) {
    size_t first = s->note_count; /* notes before it have ended or belong to other tracks */
    long long now = 0;
    unsigned status = 0; /* valid until the next one ("running status") */
    while (r.at < r.end) {
        now += (long long)number(&r);
        if (now >> 36) die("a time of more than 2^36 ticks"); /* below, microseconds fit into 63 bits */
        unsigned b = *take(&r, 1);
        if (b == 0xff) { /* meta event: type, length, data */
            unsigned type = *take(&r, 1);
            size_t size = number(&r);
            const unsigned char *data = take(&r, size);
            if (type == 0x51 && size == 3) add_tempo(s, now, data);
            if (type == 0x2f) break; /* end of track */
            continue;
        }
        if (b == 0xf0 || b == 0xf7) { /* system exclusive: length, data */
            take(&r, number(&r));
            continue;
        }
        if (b >= 0x80) status = b;
        if (status < 0x80 || status >= 0xf0) die("an event without a valid status byte");
        int kind = (int)status >> 4, channel = (int)status & 15, key = b >= 0x80 ? *take(&r, 1) : (int)b;
        int value = kind == 0xc || kind == 0xd ? 0 : *take(&r, 1); /* these two kinds have one data byte */
        if (key > 127 || value > 127) die("a data byte above 127");
        if (kind == 9 && value > 0)
            s->notes[s->note_count++] = (note){now, -1, track, channel, key, value};
        else if (kind == 8 || kind == 9) /* a note-on of velocity 0 is a note-off */
            end_note(s, first, now, channel, key);
        while (first < s->note_count && s->notes[first].off_ticks >= 0) first++;
    }
    for (size_t i = first; i < s->note_count; i++)
        if (s->notes[i].off_ticks < 0) s->notes[i].off_ticks = now;
}

static song read_midi(const unsigned char *bytes, size_t size) {
    reader r = {bytes, bytes + size};
    song s = {0, 0, 0, zeros(size / 3, sizeof(note)), zeros(size / 6, sizeof(tempo))};
    if (memcmp(take(&r, 4), "MThd", 4)) die("not a MIDI file");
    unsigned long header = big_endian(&r, 4), format = big_endian(&r, 2);
    big_endian(&r, 2); /* number of tracks: the chunks are counted instead */
    s.division = (long long)big_endian(&r, 2);
    if (header < 6 || format > 1 || s.division == 0 || s.division >= 0x8000)
        die("only files of format 0 or 1 that count ticks per quarter");
    take(&r, header - 6);
    for (int track = 0; r.at < r.end;) {
        int is_track = !memcmp(take(&r, 4), "MTrk", 4);
        size_t length = big_endian(&r, 4);
        const unsigned char *body = take(&r, length);
        if (is_track) read_track(&s, (reader){body, body + length}, track++);
    }
    return s;
}

/* ---- 2. notes -> roll, in frames of 10 ms ---- */
enum { DRUMS = 9 }; /* "channel 10": its keys are drums, not pitches */

typedef struct roll {
    size_t frames;
    unsigned char *cells; /* (frames, P) 1 = the key sounds */
} roll;

/* The start of a frame that is nearest to a tick. Microseconds times `division` are a whole number, so there
 * is no rounding error over time. */
static long long frame_at(const song *s, long long ticks) {
    long long sum = 0, at = 0, us = 500000, unit = s->division * FRAME_US;
    for (size_t i = 0; i < s->tempo_count && s->tempos[i].at_ticks <= ticks; i++) {
        sum += (s->tempos[i].at_ticks - at) * us;
        at = s->tempos[i].at_ticks;
        us = s->tempos[i].us_per_quarter;
    }
    return (2 * (sum + (ticks - at) * us) + unit) / (2 * unit);
}

static roll roll_from_notes(const song *s) {
    roll r = {0, NULL};
    for (int fill = 0; fill < 2; fill++) { /* find the length first, then fill the cells */
        for (size_t i = 0; i < s->note_count; i++) {
            const note *n = &s->notes[i];
            long long on = frame_at(s, n->on_ticks), off = frame_at(s, n->off_ticks);
            if (n->channel == DRUMS || n->pitch < LOW || n->pitch >= LOW + P) continue;
            if (off <= on) off = on + 1; /* at least one frame */
            if ((size_t)off > r.frames) r.frames = (size_t)off;
            for (long long t = on; fill && t < off; t++) r.cells[t * P + n->pitch - LOW] = 1;
        }
        if (r.frames > 1 << 20) die("longer than three hours");
        if (!fill)
            r.cells = zeros((r.frames + T) * P, 1); /* T more frames, for windows that begin near the end */
    }
    return r;
}

/* The built-in tune: broken chords over a bass, eight bars of two seconds. */
static roll make_tune(void) {
    static const int chords[8][5] = {{48, 60, 64, 67, 72}, {57, 60, 64, 69, 72}, {53, 60, 65, 69, 72},
                                     {55, 59, 62, 67, 74}, {52, 59, 64, 67, 71}, {57, 60, 64, 69, 76},
                                     {50, 60, 65, 69, 74}, {55, 59, 65, 67, 71}};
    static const int pattern[8] = {1, 2, 3, 4, 3, 2, 1, 3};
    roll r = {8 * 200, zeros((8 * 200 + T) * P, 1)};
    for (size_t t = 0; t < r.frames; t++) {
        const int *chord = chords[t / 200];
        int step = (int)(t % 200 / 25); /* eight notes of 250 ms, each sounding for 220 */
        r.cells[t * P + (size_t)(chord[0] - LOW)] = t % 200 < 195;
        r.cells[t * P + (size_t)(chord[pattern[step]] - LOW)] = t % 25 < 22;
    }
    return r;
}

/* ---- 3. the network: a window (T, P) -> latent (Z) -> logits (T, P) ----
 *
 * Four dense layers, D -> H -> Z -> H -> D, with a leaky rectifier after the first and the third. Forward and
 * backward of each layer are next to each other; backward adds to the gradients of the weights.
 */
typedef struct layer {
    size_t in, out;
    double *W, *b;   /* (in, out), (out) */
    double *dW, *db; /* their gradients */
} layer;

/* y = x W + b. Most cells of a roll are silent; those are skipped. */
static void dense_forward(const layer *l, const double *x /* (in) */, double *y /* (out) */) {
    memcpy(y, l->b, l->out * sizeof *y);
    for (size_t i = 0; i < l->in; i++)
        for (size_t o = 0; x[i] != 0 && o < l->out; o++) y[o] += x[i] * l->W[i * l->out + o];
}

static void dense_backward(layer *l, const double *x, const double *dy, double *dx /* (in) or NULL */) {
    for (size_t o = 0; o < l->out; o++) l->db[o] += dy[o];
    for (size_t i = 0; i < l->in; i++) {
        for (size_t o = 0; x[i] != 0 && o < l->out; o++) l->dW[i * l->out + o] += x[i] * dy[o];
        if (!dx) continue;
        dx[i] = 0;
        for (size_t o = 0; o < l->out; o++) dx[i] += l->W[i * l->out + o] * dy[o];
    }
}

/* Leaky rectifier: multiplies negative numbers by 0.1, in place. */
static void leak_forward(double *y /* (H) */) {
    for (int i = 0; i < H; i++) y[i] *= y[i] < 0 ? 0.1 : 1;
}

static void leak_backward(const double *y, double *dy /* (H) */) {
    for (int i = 0; i < H; i++) dy[i] *= y[i] < 0 ? 0.1 : 1;
}

typedef struct network {
    size_t count; /* of weights, of gradients, and of each of Adam's two means */
    double *weights, *grads, *mean, *square;
    layer layers[4];
} network;

/* The results of forward for one window, which backward needs. */
typedef struct trace {
    double x[D], h1[H], latent[Z], h2[H], logits[D];
} trace;

static void network_forward(const network *n, trace *a /* x given, the rest filled */) {
    dense_forward(&n->layers[0], a->x, a->h1);
    leak_forward(a->h1);
    dense_forward(&n->layers[1], a->h1, a->latent);
    dense_forward(&n->layers[2], a->latent, a->h2);
    leak_forward(a->h2);
    dense_forward(&n->layers[3], a->h2, a->logits);
}

static void network_backward(network *n, const trace *a, const double *dlogits /* (D) */) {
    double dh2[H], dlatent[Z], dh1[H];
    dense_backward(&n->layers[3], a->h2, dlogits, dh2);
    leak_backward(a->h2, dh2);
    dense_backward(&n->layers[2], a->latent, dh2, dlatent);
    dense_backward(&n->layers[1], a->h1, dlatent, dh1);
    leak_backward(a->h1, dh1);
    dense_backward(&n->layers[0], a->x, dh1, NULL); /* the gradient of the window is not needed */
}

static unsigned long long random_bits(void) { /* xorshift64*, always from the same seed */
    static unsigned long long s = 0x9e3779b97f4a7c15ULL;
    s ^= s >> 12, s ^= s << 25, s ^= s >> 27;
    return s * 0x2545f4914f6cdd1dULL;
}

static double uniform(void) { return (double)(random_bits() >> 11) / 9007199254740992.0; /* 2^53 */ }

static double normal(void) { return sqrt(-2 * log(1 - uniform())) * cos(2 * PI * uniform()); }

static network make_network(void) {
    static const size_t sizes[5] = {D, H, Z, H, D};
    network n = {0};
    for (int l = 0; l < 4; l++) n.count += (sizes[l] + 1) * sizes[l + 1];
    n.weights = zeros(4 * n.count, sizeof(double));
    n.grads = n.weights + n.count, n.mean = n.grads + n.count, n.square = n.mean + n.count;
    double *w = n.weights;
    for (int l = 0; l < 4; l++) {
        size_t in = sizes[l], out = sizes[l + 1], cells = in * out;
        n.layers[l] = (layer){in, out, w, w + cells, w + n.count, w + n.count + cells};
        for (size_t i = 0; i < cells; i++) w[i] = normal() / sqrt((double)in);
        w += cells + out;
    }
    return n;
}

/* ---- 4. the loss ----
 *
 * Keys are points on a helix of radius RADIUS. One turn of it is an octave and rises by OCTAVE. The target
 * (t) and the prediction (y) are both blurred along the helix and then compared. A note near the right one on
 * the helix (a semitone or an octave away) overlaps with it after the blur, so it costs less than a note that
 * is far from it.
 */
enum {
    BLUR_RADIUS = 24,
    BINS = P + 2 * BLUR_RADIUS
}; /* the bins continue beyond both ends of the keyboard */
static const double RADIUS = 1.3, OCTAVE = 0.5, BLUR_LENGTH = 0.5, KL_OFFSET = 0.02; /* r_1, h, l, b */
static double profile[2 * BLUR_RADIUS + 1]; /* s(-BLUR_RADIUS .. BLUR_RADIUS), sums to 1 */
static double missed_note; /* N: the divergence of one missed note, which costs are divided by */

static double distance(int k) { /* (2) */
    double chord = 2 * RADIUS * sin(PI * k / 12), height = OCTAVE * k / 12;
    return sqrt(chord * chord + height * height);
}

static double divergence(double u, double v) { return u * log(u / v) - u + v; } /* one term of (12) */

static void make_profile(void) {
    double sum = 0;
    for (int k = -BLUR_RADIUS; k <= BLUR_RADIUS; k++) sum += exp(-distance(k) / BLUR_LENGTH);
    for (int k = -BLUR_RADIUS; k <= BLUR_RADIUS; k++) {
        profile[k + BLUR_RADIUS] = exp(-distance(k) / BLUR_LENGTH) / sum;           /* (10) */
        missed_note += divergence(profile[k + BLUR_RADIUS] + KL_OFFSET, KL_OFFSET); /* (13) */
    }
}

static void blur(const double *x /* (P) */, double *out /* (BINS) */) { /* (11) */
    for (int r = 0; r < BINS; r++) out[r] = KL_OFFSET;
    for (int p = 0; p < P; p++)
        for (int k = 0; x[p] != 0 && k <= 2 * BLUR_RADIUS; k++) out[p + k] += profile[k] * x[p];
}

/* One frame: its cost in missed notes, and dy (P), the gradient with respect to y. */
static double spiral(const double *y, const double *t, double *dy) {
    double u[BINS], v[BINS], cost = 0;
    blur(t, u);
    blur(y, v);
    for (int r = 0; r < BINS; r++) cost += divergence(u[r], v[r]) / missed_note; /* (12) */
    for (int p = 0; p < P; p++) {
        dy[p] = 0;
        for (int k = 0; k <= 2 * BLUR_RADIUS; k++)
            dy[p] += profile[k] * (1 - u[p + k] / v[p + k]) / missed_note; /* (14) */
    }
    return cost;
}

/* softplus(z) = log(1 + exp z), for any z */
static double softplus(double z) { return fmax(z, 0) + log1p(exp(-fabs(z))); }

typedef struct cost {
    double bce, spiral; /* nats and missed notes, both per frame */
} cost;

/* BCE + spiral of a window, the mean over its frames (29), and the gradient with respect to the logits. */
static cost loss(const double *logits /* (T, P) */, const double *target, double *dlogits) {
    cost c = {0, 0};
    for (int frame = 0; frame < T; frame++) {
        const double *z = logits + frame * P, *t = target + frame * P;
        double y[P], dy[P];
        for (int p = 0; p < P; p++) y[p] = 1 / (1 + exp(-z[p])); /* (4) */
        c.spiral += spiral(y, t, dy) / T;
        for (int p = 0; p < P; p++) {
            c.bce += (t[p] * softplus(-z[p]) + (1 - t[p]) * softplus(z[p])) / T;    /* (8) */
            dlogits[frame * P + p] = (y[p] - t[p] + y[p] * (1 - y[p]) * dy[p]) / T; /* (6) */
        }
    }
    return c;
}

/* ---- 5. training ---- */
static void window_at(const roll *r, size_t frame, double *x /* (T, P) */) {
    for (int i = 0; i < D; i++) x[i] = r->cells[frame * P + (size_t)i];
}

/* Adam (Kingma and Ba 2015): a step along the running mean of the gradient, divided by its running size. */
static void adam(network *n, int step, double rate) {
    const double beta1 = 0.9, beta2 = 0.99, part1 = 1 - pow(beta1, step), part2 = 1 - pow(beta2, step);
    for (size_t i = 0; i < n->count; i++) {
        double g = n->grads[i];
        n->mean[i] += (1 - beta1) * (g - n->mean[i]);
        n->square[i] += (1 - beta2) * (g * g - n->square[i]);
        n->weights[i] -= rate * (n->mean[i] / part1) / (sqrt(n->square[i] / part2) + 1e-8);
    }
}

/* Forward and backward of BATCH random windows. The gradient is that of the mean loss. */
static cost batch(network *n, const roll *r) {
    static trace a;
    double dlogits[D];
    cost sum = {0, 0};
    memset(n->grads, 0, n->count * sizeof *n->grads);
    for (int b = 0; b < BATCH; b++) {
        window_at(r, random_bits() % r->frames, a.x);
        network_forward(n, &a);
        cost c = loss(a.logits, a.x, dlogits); /* the target of an autoencoder is its input */
        for (int i = 0; i < D; i++) dlogits[i] /= BATCH;
        network_backward(n, &a, dlogits);
        sum.bce += c.bce / BATCH, sum.spiral += c.spiral / BATCH;
    }
    return sum;
}

static void train(network *n, const roll *r) {
    for (int step = 1; step <= STEPS; step++) {
        cost c = batch(n, r);
        adam(n, step, 0.003 * (1 + cos(PI * step / STEPS))); /* from 0.006 down to 0 */
        if (step == 1 || step % 50 == 0)
            printf("step %4d   loss %8.4f = %8.4f nats + %7.4f missed notes per frame\n", step,
                   c.bce + c.spiral, c.bce, c.spiral);
    }
}

/* ---- 6. roll -> latent -> roll -> MIDI bytes ---- */
static roll reconstruct(const network *n, const roll *in) {
    static trace a;
    roll out = {in->frames, zeros((in->frames + T) * P, 1)};
    for (size_t t = 0; t < in->frames; t += T) {
        window_at(in, t, a.x);
        network_forward(n, &a);
        for (int i = 0; i < D; i++)
            out.cells[t * P + (size_t)i] = a.logits[i] > 0; /* probability above 1/2 */
    }
    memset(out.cells + out.frames * P, 0, D); /* clears what the last window wrote after the end */
    return out;
}

/* One track at 120 quarters a minute and 500 ticks a quarter, so a frame is ten ticks. A note-on of velocity
 * 0 ends a note. An event takes at most 4 bytes for its time and 3 for its message. Bytes 18 .. 21 are the
 * length of the track. */
enum { TICKS_PER_FRAME = 10 };
static unsigned char *write_midi(const roll *r, size_t *size) {
    static const unsigned char head[] = "MThd\0\0\0\6\0\0\0\1\1\364MTrk\0\0\0\0\0\377\121\3\7\241\40";
    unsigned char *bytes = zeros(8 * (r->frames + 1) * P + 64, 1), *at = bytes + sizeof head - 1;
    size_t now = 0;
    memcpy(bytes, head, sizeof head - 1);
    for (size_t i = 0; i < 2 * P * (r->frames + 1); i++) {
        size_t t = i / (2 * P), p = i % P, on = i / P % 2; /* at one tick, notes end before others begin */
        size_t before = t > 0 && r->cells[(t - 1) * P + p], after = r->cells[t * P + p];
        if (before == after || after != on) continue;
        size_t delta = TICKS_PER_FRAME * (t - now);
        for (int shift = 21; shift > 0; shift -= 7)
            if (delta >> shift) *at++ = 128 | (delta >> shift & 127);
        memcpy(at, (unsigned char[]){delta & 127, 0x90, (unsigned char)(LOW + p), on ? 80 : 0}, 4);
        at += 4;
        now = t;
    }
    memcpy(at, "\0\377\57", 4); /* end of track; its length is the 0 that ends the string */
    *size = (size_t)(at + 4 - bytes);
    for (int i = 0; i < 4; i++) bytes[18 + i] = (unsigned char)((*size - 22) >> (24 - 8 * i));
    return bytes;
}

static unsigned char *load(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    unsigned char *bytes = zeros(1 << 24, 1);
    if (!file) die("cannot open the file");
    *size = fread(bytes, 1, 1 << 24, file);
    if (ferror(file) || !feof(file)) die("cannot read the file, or it has more than 16 MiB");
    fclose(file);
    return bytes;
}

/* ---- the program ---- */
int main(int argc, char **argv) {
    const char *in = argc > 1 ? argv[1] : NULL, *out = argc > 2 ? argv[2] : "autoencoder.mid";
    size_t size;
    roll tune = in ? (roll){0, NULL} : make_tune();
    unsigned char *bytes = in ? load(in, &size) : write_midi(&tune, &size);
    song s = read_midi(bytes, size);
    roll r = roll_from_notes(&s);
    if (r.frames == 0) die("no note between C3 and B5");
    printf("%zu bytes -> %zu notes -> %zu frames of 10 ms\n", size, s.note_count, r.frames);

    make_profile();
    network n = make_network();
    train(&n, &r);

    roll back = reconstruct(&n, &r);
    size_t true_positives = 0, false_negatives = 0, false_positives = 0;
    for (size_t i = 0; i < r.frames * P; i++) {
        true_positives += r.cells[i] && back.cells[i];
        false_negatives += r.cells[i] && !back.cells[i];
        false_positives += !r.cells[i] && back.cells[i];
    }
    printf("reconstructed from %d numbers a window: %zu true positives, %zu false negatives, %zu false "
           "positives\n",
           Z, true_positives, false_negatives, false_positives);
    unsigned char *written = write_midi(&back, &size);
    FILE *file = fopen(out, "wb");
    if (!file || fwrite(written, 1, size, file) != size || fclose(file)) die("cannot write the result");
    printf("%s: %zu bytes\n", out, size);
    free(written), free(bytes), free(tune.cells), free(r.cells), free(back.cells);
    free(s.notes), free(s.tempos), free(n.weights);
    return 0;
}
