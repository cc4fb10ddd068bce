# SPDX-License-Identifier: MIT
"""What the experiment runs, and the columns of results.csv and autoencoder.csv; read by measure.py, autoencoder.py and table.py."""
NOISES = {  # what is wrong in the labels of training and validation
    "octave-30": "30 % of the notes an octave off",
    "clean": "right labels",
    "octave-50": "50 % of the notes an octave off",
    "part-30": "30 % of the parts an octave off",
    "octave-20-semitone-20": "20 % of the notes an octave off, 20 % a semitone",
    "octave-10": "10 % of the notes an octave off",
}
PLAIN = ("bce", "bce-not-stopped", "mse", "focal", "weighted", "smoothing", "generalised", "spiral-4")
CHANNELS = ("helix", "uniform", "permuted", "semitone", "octaves", "octave-or-semitone")
LEARNED = "helix-learned"  # LearnedChannelLoss
LOSSES = (*PLAIN, *CHANNELS, LEARNED)
ETAS = (0.1, 0.3, 0.5)
KEY = ("noise", "loss", "eta", "seed")
# valid_loss: the lowest loss on the wrong labels of the validation set, reached at `step`. near_f1: F1 in the SoundFont of training.
VALUES = ("f1", "chroma_f1", "octave_share", "near_f1", "valid_loss", "step", "learned_octaves", "learned_rest")

# For autoencoder.py: the name of an autoencoder and its flags of `spiral train`.
AUTOENCODERS = {
    "bce": ("--loss", "bce"),
    "spiral": ("--loss", "spiral"),
    "chromatic, η 0.3": ("--loss", "channel", "--eta", "0.3"),
} | {f"octaves, η {eta:g}": ("--loss", "channel", "--helix", "octaves", "--eta", str(eta)) for eta in ETAS}
AUTOENCODER_NOISES = ("clean", "octave-30", "octave-50")
AUTOENCODER_KEY = ("noise", "loss", "seed")
# Frame F1 against right chorales: of reconstructions of right ones, of reconstructions of wrong ones, of the wrong ones themselves.
AUTOENCODER_VALUES = ("f1_right", "f1_wrong", "f1_copy")


def trainings():
    """(noise, loss, eta); the networks of all seeds are trained together."""
    for noise in NOISES:
        for loss in LOSSES:
            for eta in ETAS if loss in CHANNELS else (0.0,):
                yield noise, loss, eta
