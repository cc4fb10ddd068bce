# SPDX-License-Identifier: MIT
"""Launches the Triton kernels with a driver that only records the arguments, and compares them with those that Triton's
own launch passes. No GPU is needed: the kernels are compiled for one, the tensors are on the CPU.

    python tests/launch_kernels.py
"""

import os

os.environ["TRITON_INTERPRET"] = "0"

import torch
from triton.backends.compiler import GPUTarget
from triton.runtime import driver

import spiral_loss as sl
from spiral_loss import _triton, _triton_launch, functional
from spiral_loss._triton_kernels import loss_kernel, scale_kernel

launches = []


class Launcher:
    """Replaces triton.backends.nvidia.driver.CudaLauncher."""

    def __init__(self, source, metadata):
        self.source, self.metadata = source, metadata

    def __call__(self, x, y, z, stream, function, packed, *rest):
        hooks, arguments = rest[:3], rest[3:]
        addresses = [a.data_ptr() if isinstance(a, torch.Tensor) else a for a in arguments]
        launches.append({"grid": (x, y, z), "stream": stream, "packed": packed, "hooks": hooks, "function": function,
                         "aligned": sorted(k[0] for k, v in self.source.attrs.items() if v),
                         "arguments": dict(zip(self.source.fn.arg_names, addresses))})  # fmt: skip


class Driver:
    launcher_cls = Launcher

    class utils:
        loaded = 0

        @classmethod
        def load_binary(cls, *_):
            cls.loaded += 1
            return 1, 1000 + cls.loaded, 168, 0, 1024

        @staticmethod
        def get_device_properties(_):
            return {"max_shared_mem": 227 * 1024}

    def get_current_device(self):
        return 0

    def get_current_stream(self, _):
        return 77

    def get_current_target(self):
        return GPUTarget("cuda", 90, 32)


def pretend():
    """Makes the package treat the CPU as such a GPU."""
    driver.set_active(Driver())
    _triton_launch._processors = lambda device: 132
    _triton_launch._current_device = lambda: 0
    _triton_launch._stream = lambda index: 77
    _triton_launch._capturing = lambda: False
    _triton.unsupported = lambda options, input: None
    functional.HAS_TRITON = True


def same_as_triton(kernel, launch, arrays, settings):
    """Launches again as Triton does it, with tensors, and compares the arguments."""
    arguments = launch["arguments"]
    kernel[launch["grid"]](*[arrays.get(n, v) for n, v in arguments.items()], **settings)
    other = launches.pop()
    given = {n: a.data_ptr() for n, a in arrays.items()}
    assert {n: arguments[n] for n in arrays} == given, (arguments, given)
    assert other["arguments"] == arguments
    assert [other[k] for k in ("grid", "stream", "packed")] == [launch[k] for k in ("grid", "stream", "packed")]
    assert set(launch["aligned"]) <= set(other["aligned"]), (launch["aligned"], other["aligned"])
    assert launch["hooks"] == (None, None, None)


def main():
    pretend()
    t = (torch.rand(5, 36, 8) < 0.2).float()
    memory = torch.randn(t.numel() + 1)
    loss = sl.SpiralLoss(reduction="per_note", backend="triton")
    for x in (torch.randn(t.shape), memory[1:].view(t.shape)):  # aligned, not aligned
        x = x.clone() if x.data_ptr() % 16 == 0 else x
        x.requires_grad_()
        functions = []
        for _ in range(2):
            launches.clear()
            value = loss(x, t)
            grad, factor = value.grad_fn.saved_tensors
            assert len(launches) == 1
            launch = launches.pop()
            functions.append(launch["function"])
            work = _triton_launch._workspaces[None, 77]
            call = next(reversed(_triton._arrangements.values())).call
            launcher = call._launchers[x.data_ptr() % 16 == 0]
            tables = dict(zip(("matrix", "matrix_low", "nearness"), launcher.tables))
            same_as_triton(loss_kernel, launch, {
                "pred": x, "target": t, "sample_weight": x, "grad": grad, "value": value, "factor": factor,
                "work": work.sums, "counters": work.counters, **tables,
            }, launcher.plan.settings)  # fmt: skip
            expected = {"frames": 40, "T": 8, "keys": 36, "pred_b": 288, "grad_p": 8, "COUNT": "notes"}
            assert expected.items() <= launch["arguments"].items()
            upstream = torch.tensor(2.0)
            arrays = {"grad": grad, "upstream": upstream, "factor": factor}
            (g,) = torch.autograd.grad(value, x, upstream, retain_graph=True)
            same_as_triton(scale_kernel, launches.pop(), {"out": g, **arrays}, {})
            (g,) = torch.autograd.grad(value, x, upstream)
            assert g.data_ptr() == grad.data_ptr()
            same_as_triton(scale_kernel, launches.pop(), {"out": g, **arrays}, {})
        assert functions[0] == functions[1]  # compiled once
    print("ok")


if __name__ == "__main__":
    main()
