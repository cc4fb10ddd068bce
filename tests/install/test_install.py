# SPDX-License-Identifier: MIT
"""The files of `make install` can be used from other folders: pkg-config, CMake, man page, completions; and the Python package.

SPIRAL_BUILD names the build folder, SPIRAL_SOURCE the repository.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

SOURCE = pathlib.Path(os.environ.get("SPIRAL_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("SPIRAL_BUILD", SOURCE / "build"))
VERSION = re.search(r", version: '([\d.]+)'", (SOURCE / "meson.build").read_text())[1]
CORE_PROGRAM = """
#include <spiral/spiral.h>
#include <stdio.h>
int main(void) {
    spiral_helix helix;
    if (spiral_helix_from_name("fifths", &helix, NULL) != SPIRAL_OK) return 1;
    printf("%s %.6f\\n", SPIRAL_VERSION, spiral_helix_distance(&helix, 7));
}
"""
NET_PROGRAM = """
#include <spiral/model.h>
#include <stdio.h>
int main(void) {
    spiral_error err;
    spiral_model *model;
    spiral_status status = spiral_model_load("/nowhere/model.safetensors", &model, &err);
    printf("%s: %s\\n", spiral_status_name(status), err.text);
}
"""


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=600, **options)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def needs(program):
    if not shutil.which(program):
        pytest.skip(f"no {program}")


class Installed:
    """An installation below a separate folder, as for building a package."""

    def __init__(self, folder):
        run("meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", folder)
        options = {o["name"]: o["value"] for o in json.loads(run("meson", "introspect", BUILD, "--buildoptions"))}
        self.folder = folder
        self.shared = options["default_library"] == "shared"
        self.prefix = folder / options["prefix"].lstrip("/")
        self.libdir = self.prefix / options["libdir"]

    def run_program(self, program):
        """The output of a program that runs with the installed libraries."""
        return run(program, env={**os.environ, "LD_LIBRARY_PATH": str(self.libdir), "DYLD_LIBRARY_PATH": str(self.libdir)})


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Installed(tmp_path_factory.mktemp("installed"))


def expect_core(output):
    version, distance = output.split()
    assert version == VERSION and float(distance) > 0


def test_pkg_config_compiles_and_links(installed, tmp_path):
    needs("pkg-config")
    environment = {**os.environ, "PKG_CONFIG_PATH": str(installed.libdir / "pkgconfig"),
                   "PKG_CONFIG_SYSROOT_DIR": str(installed.folder)}
    assert run("pkg-config", "--modversion", "spiral", env=environment).strip() == VERSION
    for name, source in ("spiral", CORE_PROGRAM), ("spiral-net", NET_PROGRAM):
        (tmp_path / f"{name}.c").write_text(source)
        flags = run("pkg-config", "--cflags", "--libs", name, env=environment).split()
        run("cc", "-std=c99", "-Wall", "-Werror", tmp_path / f"{name}.c", *flags, "-o", tmp_path / name)
    expect_core(installed.run_program(tmp_path / "spiral"))
    assert "IO: " in installed.run_program(tmp_path / "spiral-net")


def test_pkg_config_of_shared_libraries_needs_no_other_packages(installed):
    needs("pkg-config")
    if not installed.shared:
        pytest.skip("the libraries are static")
    environment = {**os.environ, "PKG_CONFIG_LIBDIR": str(installed.libdir / "pkgconfig")}
    environment.pop("PKG_CONFIG_PATH", None)
    flags = run("pkg-config", "--cflags", "--libs", "spiral", "spiral-net", env=environment).split()
    assert sorted(flags) == sorted(set(flags)) and {flag[:2] for flag in flags} <= {"-I", "-L", "-l"}
    assert [flag for flag in flags if flag.startswith("-l")] == ["-lspiral-net", "-lspiral"], flags


def cmake(folder, installed, version):
    (folder / "core.c").write_text(CORE_PROGRAM)
    (folder / "net.c").write_text(NET_PROGRAM)
    (folder / "CMakeLists.txt").write_text(f"""
cmake_minimum_required(VERSION 3.16)
project(test C)
find_package(spiral {version} REQUIRED)
add_executable(core core.c)
target_link_libraries(core spiral::spiral)
add_executable(net net.c)
target_link_libraries(net spiral::spiral-net)
""")
    return ["cmake", "-S", folder, "-B", folder / "build", f"-DCMAKE_PREFIX_PATH={installed.prefix}"]


def test_cmake_finds_the_package_and_links(installed, tmp_path):
    needs("cmake")
    run(*cmake(tmp_path, installed, ".".join(VERSION.split(".")[:2])))
    run("cmake", "--build", tmp_path / "build")
    expect_core(installed.run_program(tmp_path / "build/core"))
    assert "IO: " in installed.run_program(tmp_path / "build/net")


@pytest.mark.parametrize("version", ["99.0", "0.0"])
def test_cmake_refuses_another_version(version, installed, tmp_path):
    needs("cmake")
    done = subprocess.run([str(a) for a in cmake(tmp_path, installed, version)], capture_output=True, text=True)
    assert done.returncode != 0 and f"version: {VERSION}" in done.stderr


def test_every_public_header_is_installed(installed):
    of_source = {p.name for p in [*SOURCE.glob("include/spiral/*.h"), *BUILD.glob("include/spiral/*.h")]}
    assert {p.name for p in (installed.prefix / "include/spiral").iterdir()} == of_source
    assert len(of_source) > 10


def test_program_man_page_and_completions_are_installed(installed):
    data = installed.prefix / "share"
    assert run(installed.prefix / "bin/spiral", "--man") == (data / "man/man1/spiral.1").read_text()
    for shell, path in (("bash", "bash-completion/completions/spiral"), ("zsh", "zsh/site-functions/_spiral"),
                        ("fish", "fish/vendor_completions.d/spiral.fish")):
        assert run(installed.prefix / "bin/spiral", "--completion", shell) == (data / path).read_text()


# ---- the Python package ----

@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the repository's files, so that nothing is written into the repository."""
    folder = tmp_path_factory.mktemp("copy") / "spiral"
    for name in run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=SOURCE).split("\0"):
        if name and (name.startswith(("include/", "src/", "python/")) or "/" not in name) and (SOURCE / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(SOURCE / name, folder / name, follow_symlinks=False)
    return folder


USE = """
import spiral_loss, spiral_loss.numpy as numpy_losses, importlib.metadata
from spiral_loss._library import library_path
print(importlib.metadata.version("spiral-loss"), spiral_loss.__version__, numpy_losses.interval_costs()[0][12])
print(library_path())
"""


def environment(folder):
    """Python of a new environment that uses the NumPy of this one, so that only the package itself is installed."""
    run(sys.executable, "-m", "venv", folder)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "shared.pth").write_text(next(p for p in sys.path if p.endswith("site-packages")) + "\n")
    return folder / "bin/python"


def test_pip_install_editable_is_usable_at_once(copy, tmp_path):
    python = environment(tmp_path / "venv")
    run(python, "-m", "pip", "install", "-q", "--no-deps", "-e", copy / "python")
    first, library = run(python, "-c", USE, cwd=tmp_path).splitlines()
    assert first.split()[:2] == [VERSION, VERSION]
    assert 0.2 < float(first.split()[2]) < 0.5
    assert library.startswith(str(copy / "python"))
    (copy / "python/spiral_loss/errors.py").open("a").write("\nEDITED = 1\n")
    assert run(python, "-c", "import spiral_loss.errors as e; print(e.EDITED)", cwd=tmp_path) == "1\n"


def test_wheel_serves_every_python_and_has_the_library(copy, tmp_path):
    python = environment(tmp_path / "venv")
    run(python, "-m", "pip", "wheel", "-q", "--no-deps", "-w", tmp_path, copy / "python")
    wheel, = tmp_path.glob("*.whl")
    assert wheel.name.startswith(f"spiral_loss-{VERSION}-py3-none-")
    names = zipfile.ZipFile(wheel).namelist()
    assert any(re.search(r"\.mesonpy\.libs/libspiral_loss\.(so|dylib)$", name) for name in names)
    assert not [name for name in names if name.endswith((".h", ".c", ".pc", ".cmake", ".1"))]
    run(python, "-m", "pip", "install", "-q", "--no-deps", wheel)
    assert run(python, "-c", USE, cwd=tmp_path).split()[:2] == [VERSION, VERSION]


# ---- the API reference ----

def test_api_reference_has_every_public_function():
    needs("doxygen")
    run(SOURCE / "tools/docs_api.sh")
    pages = "".join(page.read_text() for page in (BUILD / "api/html").glob("*_8h.html"))
    listed = re.findall(r"^spiral(?:-net)? (spiral_\w+)$", (SOURCE / "tools/symbols.txt").read_text(), re.M)
    assert len(listed) > 50
    assert [name for name in listed if f"{name}()" not in pages] == []
