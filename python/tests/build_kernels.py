# SPDX-License-Identifier: MIT
"""Compiles the Triton kernels without a GPU, and prints what they need of one.

    python tests/build_kernels.py [--target 80 86 90] [--all] [--json]

For each kernel: registers per thread, bytes per thread that are spilled to memory, bytes of shared memory per program,
and instructions per tile, counted in the machine code: those of the loop over tiles, and how many of these the loop
over bins repeats.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

os.environ["TRITON_INTERPRET"] = "0"

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from spiral_loss import _triton_launch, functional
from spiral_loss._triton_kernels import loss_kernel

F32, F16, BF16, U8 = torch.float32, torch.float16, torch.bfloat16, torch.uint8
TYPES = {F32: "*fp32", F16: "*fp16", BF16: "*bf16", U8: "*u8"}
ARRAYS = {"work": "*fp64", "counters": "*i32", **dict.fromkeys(("grad", "value", "factor", "nearness"), "*fp32")}
SHORT = ("frames", "T", "keys", "bins")
NUMBERS = ("cross", "positive", "term", "slope_term", "kl_offset")

# name: options, keys, types, time last, cells loaded at once
CASES = {
    "spiral, 36 keys": ({}, 36, (F32, F32, None), True, 4),
    "spiral, 36 keys, keys last": ({}, 36, (F32, F32, None), False, 4),
    "spiral, 88 keys": ({"low": 21}, 88, (F32, F32, None), True, 4),
    "spiral, 88 keys, keys last": ({"low": 21}, 88, (F32, F32, None), False, 4),
    "spiral, 36 keys, weights": ({}, 36, (F32, F32, F32), True, 4),
    "spiral, 128 keys, weights": ({"low": 0}, 128, (F32, F32, F32), True, 4),
    "energy, 36 keys": ({"kind": "energy"}, 36, (F32, F32, None), True, 4),
    "energy, 128 keys, weights": ({"kind": "energy", "low": 0}, 128, (F32, F32, F32), True, 4),
    "weighted_bce, 36 keys": ({"kind": "weighted_bce"}, 36, (F32, F32, None), True, 4),
    "spiral, 36 keys, bfloat16, no alignment": ({}, 36, (BF16, U8, None), True, 1),
}  # fmt: skip
MORE = {
    "spiral, 128 keys, reach 127": ({"low": 0, "blur_radius": 127}, 128, (F32, F32, None), True, 4),
    "spiral, 36 keys, per note": ({"reduction": "per_note"}, 36, (F32, F32, None), True, 4),
    "spiral, 36 keys, by frame": ({"reduction": "none"}, 36, (F32, F32, None), True, 4),
    "spiral, 36 keys, probabilities": ({"from_logits": False}, 36, (F32, F32, None), True, 4),
    "bce, 36 keys": ({"kind": "bce"}, 36, (F32, F32, None), True, 4),
    "energy, 88 keys": ({"kind": "energy", "low": 21}, 88, (F32, F32, None), True, 4),
    "weighted_bce, 88 keys": ({"kind": "weighted_bce", "low": 21}, 88, (F32, F32, None), True, 4),
}  # fmt: skip


def build(case, target):
    numbers, keys, types, time_last, vector = case
    options = functional.make_options(**{"low": 48, **numbers})
    plan = _triton_launch.plan(options, keys, types, True, not time_last, time_last, (vector,) * 3)
    names = loss_kernel.arg_names
    constants = dict(zip(names[-len(plan.constants) :], plan.constants))
    signature = {}
    for name in names:
        if name in constants:
            signature[name] = "constexpr"
        elif name in ("pred", "target", "sample_weight"):
            signature[name] = TYPES[types[("pred", "target", "sample_weight").index(name)] or types[0]]
        elif name in ("matrix", "matrix_low"):
            signature[name] = "*fp16" if plan.kind in ("spiral", "quadratic") else "*fp32"
        else:
            signature[name] = ARRAYS.get(name) or ("i32" if name in SHORT else "fp32" if name in NUMBERS else "i64")
    user = ("pred", "target", "sample_weight", "grad")
    aligned = [n for n in names if signature[n][0] == "*" and (vector > 1 or n not in user)]
    source = ASTSource(
        loss_kernel,
        signature=signature,
        constexprs={(names.index(name),): value for name, value in constants.items()},
        attrs={(names.index(name),): [["tt.divisibility", 16]] for name in aligned},
    )
    return triton.compile(source, target=GPUTarget("cuda", target, 32), options=plan.settings)


def tool(name, *arguments):
    path = pathlib.Path(triton.__file__).parent / "backends/nvidia/bin" / name
    return subprocess.run([path, *arguments], capture_output=True, text=True, check=True).stdout


def loops(code):
    """Numbers of instructions of the loops, which are found by their backward jumps."""
    labels, jumps, count = {}, [], 0
    for line in code.splitlines():
        if label := re.match(r"(\.L_\S+):", line):
            labels[label[1]] = count
        if re.match(r"\s+/\*[0-9a-f]{4,}\*/", line):
            count += 1
            jump = re.search(r"\bBRA.*`\((\.L_\S+)\)", line)
            if jump and count - labels.get(jump[1], count) > 1:
                jumps.append(count - labels[jump[1]])
    return jumps


def facts(kernel):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "kernel.cubin"
        path.write_bytes(kernel.asm["cubin"])
        usage = tool("cuobjdump", "-res-usage", str(path))
        code = tool("nvdisasm", "-c", str(path))
    registers, stack = (int(re.search(rf"{word}:(\d+)", usage)[1]) for word in ("REG", "STACK"))
    return {"registers": registers, "spilled": stack, "shared": kernel.metadata.shared, "loops": loops(code)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", type=int, nargs="+", default=[90], help="compute capabilities, such as 90")
    parser.add_argument("--all", action="store_true", help="rarer kernels too")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cases = {**CASES, **(MORE if arguments.all else {})}
    found = [{"kernel": n, "target": t, **facts(build(c, t))} for t in arguments.target for n, c in cases.items()]
    if arguments.json:
        json.dump(found, sys.stdout)
        return
    print(f"Triton {triton.__version__}\n{'':<44}{'sm':>4}{'registers':>11}{'spilled':>9}{'shared':>9}  loops")
    for f in found:
        print(f"{f['kernel']:<44}{f['target']:>4}{f['registers']:>11}{f['spilled']:>9}{f['shared']:>9}  {f['loops']}")


if __name__ == "__main__":
    main()
