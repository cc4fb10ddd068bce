# SPDX-License-Identifier: MIT
"""The overview, --help, the man page and the completions."""
import re
import shutil
import subprocess

import pytest
from program import PROGRAM, SOURCE, flags, latents, spiral, verbs


@pytest.mark.parametrize("args", [[], ["help"], ["--help"], ["-h"]])
def test_overview_lists_the_verbs_and_first_steps(args):
    done = spiral(*args)
    assert done.status == 0 and done.err == ""
    for verb in verbs():
        assert f"\n  {verb} " in done.out
    assert "spiral train my_midi/" in done.out and "spiral render" in done.out


def test_help_lists_flags_and_an_example_within_100_characters(verb):
    done = spiral(verb, "--help")
    assert done.status == 0 and done.err == ""
    assert f"Example:\n  spiral {verb} " in done.out
    for flag in ("--json", "--quiet", "--threads"):
        assert flag in done.out
    assert max(map(len, done.out.splitlines())) <= 100
    assert not any(text.endswith(" ") for text in done.out.splitlines())
    assert spiral(verb, "-h").out == done.out == spiral("help", verb).out


def test_example_of_the_help_runs(verb, decoder_model, music, tune, other, tmp_path):
    """With its file names replaced by those of the test, and three training steps."""
    names = {"my_midi/": music, "other_midi/": music, "model.safetensors": decoder_model, "tune.mid": tune,
             "a.mid": tune, "b.mid": other, "melody.mid": tune, "tune.npy": latents(decoder_model, tune), "right.mid": tune, "played.mid": other}
    example = spiral(verb, "--help").out.split("Example:\n")[1].split()
    assert example[:2] == ["spiral", verb]
    if verb == "train":
        example = [*example[:example.index("--time")], "--steps", "3"]
        del names["model.safetensors"]
    done = spiral(*[names.get(word, word) for word in example[1:]], cwd=tmp_path)
    assert done.status == 0, done.err


def test_version_is_printed():
    done = spiral("--version")
    version = re.search(r"version: '([\d.]+)'", (SOURCE / "meson.build").read_text())[1]
    assert done.status == 0 and done.out.startswith(f"spiral {version} (")


def test_help_fails_if_standard_output_is_full():
    for args in [], ["train", "--help"], ["--version"]:
        with open("/dev/full", "wb") as full:
            done = subprocess.run([PROGRAM, *args], stdout=full, stderr=subprocess.PIPE)
        assert done.returncode == 1 and b"standard output: cannot write" in done.stderr


# ---- man page and completions ----

def test_man_page_has_every_verb_and_flag():
    page = spiral("--man")
    assert page.status == 0
    text = page.out.replace("\\-", "-")
    for verb, (arguments, _) in verbs().items():
        section = re.search(rf'^\.SS "spiral {verb} \[flags\] {re.escape(arguments)}"$(.*?)^\.S[HS]', text, re.M | re.S)[1]
        common = text.split('.SS "Flags of every verb"')[1]
        for flag, placeholder in flags(verb).items():
            line = f"\\fB{flag}\\fR" + (f" \\fI{placeholder}\\fR" if placeholder else "")
            assert line in section or line in common, (verb, flag)


def test_man_page_is_correct_troff(tmp_path):
    if not shutil.which("groff"):
        pytest.skip("no groff")
    (tmp_path / "spiral.1").write_text(spiral("--man").out)
    done = subprocess.run(["groff", "-man", "-Tascii", "-ww", tmp_path / "spiral.1"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    plain = re.sub("\x1b\\[[0-9;]*m|.\x08", "", done.stdout)
    assert max(map(len, plain.splitlines())) <= 80


def bash_completions(tmp_path, *words):
    """The completions that bash offers for the last of the words."""
    script = tmp_path / "spiral.bash"
    script.write_text(spiral("--completion", "bash").out)
    run = 'source "$1"; shift; COMP_WORDS=(spiral "$@"); COMP_CWORD=$#; _spiral; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(["bash", "-c", run, "bash", script, *words], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    return done.stdout.split()


def test_bash_completes_verbs_flags_choices_and_files(tmp_path):
    (tmp_path / "tune.mid").touch()
    assert bash_completions(tmp_path, "") == [*verbs(), "help", "--version"]
    assert bash_completions(tmp_path, "re") == ["reconstruct", "render"]
    assert bash_completions(tmp_path, "train", "--preset", "") == ["36x36", "bar", "phrase"]
    assert bash_completions(tmp_path, "train", "--batch", "") == []
    assert bash_completions(tmp_path, "render", "t") == ["tune.mid"]
    assert bash_completions(tmp_path, "render", "a.mid", "-o", "t") == ["tune.mid"]
    assert bash_completions(tmp_path, "help", "lo") == ["loss"]
    assert bash_completions(tmp_path, "frob", "") == []


def test_bash_completes_all_flags_of_a_verb(verb, tmp_path):
    assert bash_completions(tmp_path, verb, "-") == list(flags(verb))


@pytest.mark.parametrize("shell, check", [("zsh", ["-n"]), ("fish", ["--no-execute"])])
def test_completion_script_is_correct_for_its_shell(shell, check, tmp_path):
    if not shutil.which(shell):
        pytest.skip(f"no {shell}")
    (tmp_path / "script").write_text(spiral("--completion", shell).out)
    done = subprocess.run([shell, *check, tmp_path / "script"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_completions_of_zsh_and_fish_have_every_flag(verb):
    zsh, fish = (spiral("--completion", shell).out for shell in ("zsh", "fish"))
    part = re.search(rf"^_spiral_{verb}\(\) {{$(.*?)^}}", zsh, re.M | re.S)[1]
    for flag in flags(verb):
        assert re.search(rf"'{flag}[=+]?\[", part), flag
        dashed = f"-l {flag[2:]} " if flag.startswith("--") else f"-s {flag[1:]} "
        assert f"__fish_seen_subcommand_from {verb}' {dashed}" in fish, flag


def test_completion_of_an_unknown_shell_is_refused():
    for arguments in [], ["tcsh"]:
        done = spiral("--completion", *arguments)
        assert done.status == 2 and "bash, zsh or fish" in done.err and done.out == ""
