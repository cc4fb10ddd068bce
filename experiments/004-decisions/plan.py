# SPDX-License-Identifier: MIT
"""What the experiment runs, and the columns of results.csv; read by measure.py and table.py."""
CORPORA = ("jsb", "nottingham", "piano")
LOSSES = {  # name: flags of `spiral train`
    "bce": ("--loss", "bce"),
    "spiral-1": ("--loss", "spiral"),
    "spiral-16": ("--loss", "spiral", "--lambda", "16"),
    "gauss-4": ("--loss", "gauss", "--lambda", "4"),
    "weighted_bce": ("--loss", "weighted_bce"),
    "channel": ("--loss", "channel"),
}
DECISIONS = ("threshold", "threshold-equal", "top-k", "top-sum", "no-neighbours", "top-k-apart", "min-risk", "min-risk-wide")
MUSIC = "music"  # rows with the values of the test set itself
KEY = ("corpus", "loss", "decision", "seed")
VALUES = ("f1", "clean_f1", "chroma_f1", "spiral_error", "clashes", "notes", "sample_clashes", "sample_notes", "sample_silent")
