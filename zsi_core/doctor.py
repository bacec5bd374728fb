"""The checks behind `zsi doctor`: each looks at one thing and says what it found and what to do.

A check never raises on purpose: a broken installation is its subject. What it raises by accident is reported
as a failure by `examine`.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from importlib import metadata
from pathlib import Path

from zsi_core import __version__, doctor_qt
from zsi_core.errors import CheckpointError, ZsiError
from zsi_core.files import resources_dir
from zsi_core.program import is_frozen

REINSTALL = (
    "install or unpack the program again"
    if is_frozen()
    else "run: uv sync --reinstall   (or install the project again into a new environment)"
)
LIBRARIES = ("torch", "torchvision", "timm", "gensim", "numpy", "pycocotools", "PySide6-Essentials")
STARTER = "starter"
DEMO_PICTURE, DEMO_NAME = "cat_on_sofa.jpg", "cat"


class Status(Enum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Attributes:
        topic: what was looked at, one or two words.
        status: ok; warning (something is slower or missing, the rest works); failed.
        text: what is the case.
        remedy: what to do about it; empty when all is well.
    """

    topic: str
    status: Status
    text: str
    remedy: str = ""


Check = Callable[[], Finding]


def examine(checks: Iterable[Check] | None = None) -> Iterator[Finding]:
    """Run the checks (default: all of `CHECKS`), yielding each finding as soon as it is there."""
    for check in CHECKS if checks is None else checks:
        try:
            yield check()
        except ZsiError as error:  # its message says what to do
            yield Finding(topic_of(check), Status.FAILED, str(error))
        except Exception as error:  # a check that breaks is a finding, and the others still run
            yield Finding(topic_of(check), Status.FAILED, f"{type(error).__name__}: {error}", REINSTALL)


def topic_of(check: Check) -> str:
    return check.__name__.removeprefix("check_").replace("_", " ")


# ---------------------------------------------------------------- the machine


def check_system() -> Finding:
    return Finding(
        "system",
        Status.OK,
        f"{platform.platform()}, {platform.machine()}, Python {platform.python_version()} in {sys.prefix}",
    )


def check_processor() -> Finding:
    """Cores, and the instruction sets that decide how fast the model runs on this CPU."""
    import torch

    flags = processor_flags()
    wanted = {"avx2": "AVX2", "avx512f": "AVX512", "avx512_bf16": "AVX512-BF16", "amx_tile": "AMX"}
    present = [name for flag, name in wanted.items() if flag in flags]
    capability = torch.backends.cpu.get_cpu_capability()
    text = f"{os.cpu_count()} cores, PyTorch with {torch.get_num_threads()} threads and {capability} kernels"
    if flags:
        text += f", instruction sets: {', '.join(present) or 'none of ' + ', '.join(wanted.values())}"
    if capability == "DEFAULT" and platform.machine().lower() in ("x86_64", "amd64"):
        return Finding(
            "processor",
            Status.WARNING,
            text,
            "without AVX2 the model is several times slower: use another machine",
        )
    return Finding("processor", Status.OK, text)


def processor_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> set[str]:
    """CPU feature flags as Linux names them; empty on other systems and other processors."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return set()
    return next((set(line.partition(":")[2].split()) for line in lines if line.startswith("flags")), set())


def check_device() -> Finding:
    """The graphics processor that PyTorch can use, or the CPU."""
    import torch

    if not torch.cuda.is_available():
        return Finding("device", Status.OK, f"CPU (PyTorch {torch.__version__} sees no CUDA device)")
    gib = torch.cuda.get_device_properties(0).total_memory / 2**30
    return Finding("device", Status.OK, f"CUDA: {torch.cuda.get_device_name(0)}, {gib:.1f} GiB")


def check_number_format() -> Finding:
    """Whether the model computes in bfloat16 here, and why."""
    import torch

    from zsi_core.inference.precision import fastest_dtype

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if fastest_dtype(device) is torch.bfloat16:
        why = (
            "the device has it built in"
            if device == "cuda"
            else "measured faster than float32 on this processor"
        )
        return Finding("number format", Status.OK, f"bfloat16: {why}")
    why = (
        "the device lacks bfloat16" if device == "cuda" else "measured faster than bfloat16 on this processor"
    )
    return Finding("number format", Status.OK, f"float32: {why}")


# ---------------------------------------------------------------- the installation


def check_versions() -> Finding:
    found = {name: doctor_qt.installed_version(name) for name in LIBRARIES}
    text = ", ".join(
        f"{name} {version or 'MISSING'}" for name, version in {"zsi": __version__, **found}.items()
    )
    if None in found.values():
        return Finding("versions", Status.FAILED, text, REINSTALL)
    return Finding("versions", Status.OK, text)


def check_torchvision() -> Finding:
    """Whether torch and torchvision are a pair: their compiled operators are really called."""
    pair = f"torch {metadata.version('torch')}, torchvision {metadata.version('torchvision')}"
    try:
        import torch
        from torchvision.ops import nms, roi_align

        boxes = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 9.0], [20.0, 20.0, 30.0, 30.0]])
        kept = nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5).tolist()
        ramp = torch.arange(32.0).expand(1, 1, 32, 32)  # every pixel holds its column
        pooled = roi_align(ramp, [torch.tensor([[8.0, 8.0, 16.0, 16.0]])], output_size=1, aligned=True)
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        first_line = str(error).splitlines()[0]
        return Finding(
            "torchvision", Status.FAILED, f"{pair} do not belong together: {first_line}", REINSTALL
        )
    # the box spans columns 8 to 16 continuously, so pixel centres 7.5 to 15.5: 11.5 in the middle
    if kept != [0, 2] or abs(float(pooled) - 11.5) > 1e-4:
        text = f"{pair}: NMS kept {kept} instead of [0, 2], RoIAlign gave {float(pooled):.4f} instead of 11.5"
        return Finding("torchvision", Status.FAILED, text, REINSTALL)
    return Finding("torchvision", Status.OK, f"{pair} work together (NMS, RoIAlign)")


def check_masks() -> Finding:
    """Masks through pycocotools and back."""
    import numpy as np
    from pycocotools import mask as coco_mask

    mask = np.zeros((40, 60), np.uint8, order="F")
    mask[5:25, 10:50] = 1
    mask[10:15, 20:30] = 0
    encoded = coco_mask.encode(mask)
    if not (coco_mask.decode(encoded) == mask).all() or int(coco_mask.area(encoded)) != 20 * 40 - 5 * 10:
        return Finding(
            "masks", Status.FAILED, "pycocotools does not give back the mask it was given", REINSTALL
        )
    return Finding("masks", Status.OK, "pycocotools gives masks back unchanged")


def check_word_vectors() -> Finding:
    """Whether the bundled word table can be read and knows a plain word."""
    from zsi_core.semantics import WordTable, resolve_strict

    table = WordTable.bundled()
    resolve_strict(table, DEMO_NAME)
    return Finding("word vectors", Status.OK, f"{len(table):,} words, {table.dimension} dimensions")


def check_folders() -> Finding:
    """Whether the cache and the folder of the user's models can be written."""
    from zsi_core.checkpoint.registry import model_folders
    from zsi_core.semantics.cache import cache_dir

    folders = {"cache": cache_dir(), "models": model_folders()[1]}
    text = ", ".join(f"{use} {folder}" for use, folder in folders.items())
    if faults := [fault for folder in folders.values() if (fault := write_fault(folder))]:
        return Finding(
            "folders",
            Status.WARNING,
            f"{text}: {'; '.join(faults)}",
            "make them writable; ZSI_CACHE may name another cache folder",
        )
    return Finding("folders", Status.OK, f"{text}: both writable")


def write_fault(folder: Path) -> str:
    """Why no file can be created in `folder`, or below its nearest existing parent; empty when one can."""
    existing = next((place for place in (folder, *folder.parents) if place.exists()), Path(folder.anchor))
    try:
        with tempfile.TemporaryFile(dir=existing):
            return ""
    except OSError as error:
        return f"{existing} cannot be written: {error.strerror or error}"


# ---------------------------------------------------------------- the window


def check_pyside6() -> Finding:
    version = doctor_qt.installed_version()
    fault = doctor_qt.pyside6_fault(version, doctor_qt.installed_version("shiboken6"))
    if version is None or fault:
        return Finding("PySide6", Status.FAILED, f"{fault}: the window cannot start", doctor_qt.REPAIR)
    if doctor_qt.is_untested(version):
        text = f"PySide6 {version} is newer than any this program was tested with"
        return Finding("PySide6", Status.WARNING, text, doctor_qt.REPAIR)
    return Finding("PySide6", Status.OK, f"PySide6 {version}")


def check_system_libraries() -> Finding:
    """Whether Linux has the libraries and a font that a window of Qt needs."""
    topic = "system libraries"
    missing = doctor_qt.missing_packages()
    if missing:
        return Finding(
            topic,
            Status.WARNING,
            f"the window needs {', '.join(missing)} (the command line does not)",
            f"run: sudo apt-get install {' '.join(missing)}   (names of Debian and Ubuntu)",
        )
    return Finding(topic, Status.OK, "all that the window needs is there")


# ---------------------------------------------------------------- the model


def check_models() -> Finding:
    """Which models are installed, and whether their descriptions can be read."""
    from zsi_core.checkpoint import installed_models, read_info

    installed = installed_models()
    damaged = []
    for folder in installed.values():
        try:
            read_info(folder)
        except CheckpointError as error:
            damaged.append(str(error))
    text = f"installed: {', '.join(installed) or 'none'}"
    if STARTER not in installed:
        return Finding(
            "models",
            Status.WARNING,
            f"the starter model is not in {resources_dir() / 'models'}; {text}",
            "fetch the complete source tree or package again, or name a model of your own with --model",
        )
    if damaged:
        return Finding("models", Status.WARNING, f"{text}; {'; '.join(damaged)}", "remove or replace these")
    return Finding("models", Status.OK, text)


def check_self_test() -> Finding:
    """One demo picture through the starter model: encode, ask for one name."""
    from zsi_core.checkpoint import installed_models

    if STARTER not in installed_models():
        return Finding("self-test", Status.WARNING, "left out: there is no starter model", "see models above")
    from zsi_core.images import read_image
    from zsi_core.inference import Segmenter

    image = read_image(resources_dir() / "demo" / DEMO_PICTURE)
    segmenter = Segmenter.load(STARTER)
    started = time.perf_counter()
    encoded = segmenter.encode(image)
    between = time.perf_counter()
    instances = segmenter.query(encoded, [DEMO_NAME])
    times = f"encoded in {between - started:.2f} s, asked in {time.perf_counter() - between:.2f} s"
    if len(instances) == 0:
        text = f"the starter model finds no {DEMO_NAME} on {DEMO_PICTURE} ({times})"
        return Finding("self-test", Status.WARNING, text, "the model file may be damaged: fetch it again")
    best = f"best score {max(instances.scores):.2f}"
    return Finding(
        "self-test", Status.OK, f"{len(instances)} x {DEMO_NAME} on {DEMO_PICTURE}, {best}, {times}"
    )


CHECKS: tuple[Check, ...] = (
    check_system,
    check_versions,
    check_processor,
    check_device,
    check_number_format,
    check_torchvision,
    check_masks,
    check_word_vectors,
    check_folders,
    check_pyside6,
    check_system_libraries,
    check_models,
    check_self_test,
)
