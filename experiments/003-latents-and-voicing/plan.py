# SPDX-License-Identifier: MIT
"""What the experiment runs, and the columns of results.csv; read by measure.py and table.py."""
LATENTS = (8, 16, 32)
LOSSES = {  # name: flags of `spiral train`
    "bce": ("--loss", "bce"),
    "spiral-1": ("--loss", "spiral"),
    "spiral-16": ("--loss", "spiral", "--lambda", "16"),
    "spiral-64": ("--loss", "spiral", "--lambda", "64"),
    "tonnetz-64": ("--loss", "spiral", "--helix", "tonnetz", "--lambda", "64"),
    "gauss-16": ("--loss", "gauss", "--lambda", "16"),
}
# Linear projections: the principal components of rolls under a metric of keys.
CONTROLS = ("euclid", "semitone-blur", "octave-equivalence", "chroma", "helix", "helix-l1-h.25", "helix-tonnetz",
            "euclid-whitened", "octave-equivalence-whitened", "helix-whitened")  # fmt: skip
CHANGES = ("octave_1", "octave_2", "inversion", "ornaments", "late")
KEY = ("latent", "code", "seed")
VALUES = (*CHANGES, "joint", "clean_joint", "roughness")
