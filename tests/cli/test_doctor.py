"""`zsi doctor`: every check in a sound and in a broken installation, and the exit code."""

from __future__ import annotations

import platform
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from zsi_core import __version__, doctor, doctor_qt
from zsi_core.cli import app
from zsi_core.doctor import Finding, Status
from zsi_core.errors import WordTableError


def sound() -> Finding:
    return Finding("sound thing", Status.OK, "is well")


def doubtful() -> Finding:
    return Finding("doubtful thing", Status.WARNING, "could be better", "buy another")


def broken() -> Finding:
    return Finding("broken thing", Status.FAILED, "is not well", "mend it")


def check_exploding() -> Finding:
    raise RuntimeError("boom")


@pytest.mark.parametrize(
    ("checks", "code", "summary"),
    [
        ((sound,), 0, "1 ok, 0 warnings, 0 failed"),
        ((sound, doubtful), 0, "1 ok, 1 warnings, 0 failed"),
        ((broken, doubtful, sound), 1, "1 ok, 1 warnings, 1 failed"),
        ((check_exploding, sound), 1, "1 ok, 0 warnings, 1 failed"),
    ],
)
def test_only_a_failure_fails(
    checks: tuple[doctor.Check, ...], code: int, summary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "CHECKS", checks)
    done = CliRunner().invoke(app, ["doctor"])
    assert done.exit_code == code
    assert done.output.splitlines()[-1] == summary


def test_text_and_remedy_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CHECKS", (broken,))
    lines = CliRunner().invoke(app, ["doctor"]).output.splitlines()
    assert lines[0].split(maxsplit=3) == ["failed", "broken", "thing", "is not well"]
    assert lines[1].strip() == "-> mend it"


def test_a_check_that_breaks_is_a_finding() -> None:
    found = list(doctor.examine([check_exploding, sound]))
    assert found[0].topic == "exploding"
    assert found[0].status is Status.FAILED
    assert found[0].text == "RuntimeError: boom"
    assert found[1] == sound()


def test_an_error_meant_for_a_person_is_passed_on() -> None:
    def check_words() -> Finding:
        raise WordTableError("the table is damaged: copy it again")

    assert list(doctor.examine([check_words])) == [
        Finding("words", Status.FAILED, "the table is damaged: copy it again")
    ]


def test_this_installation_has_no_failure() -> None:
    """All checks, for real, except the model's self-test."""
    checks = [check for check in doctor.CHECKS if check is not doctor.check_self_test]
    found = list(doctor.examine(checks))
    assert [finding for finding in found if finding.status is Status.FAILED] == []
    text = " ".join(finding.text for finding in found)
    assert f"zsi {__version__}" in text
    assert platform.python_version() in text


def test_a_missing_library_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LIBRARIES", ("numpy", "no-such-library"))
    found = doctor.check_versions()
    assert found.status is Status.FAILED
    assert "no-such-library MISSING" in found.text
    assert found.remedy


def test_operators_of_another_torch_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise RuntimeError("operator torchvision::nms does not exist\nmore lines")

    monkeypatch.setattr("torchvision.ops.nms", missing)
    found = doctor.check_torchvision()
    assert found.status is Status.FAILED
    assert found.text.endswith("do not belong together: operator torchvision::nms does not exist")


@pytest.mark.parametrize(
    ("operator", "wrong", "told"),
    [
        ("nms", lambda *_: SimpleNamespace(tolist=lambda: [0, 1, 2]), "NMS kept [0, 1, 2]"),
        ("roi_align", lambda *_, **__: 12.0, "RoIAlign gave 12.0"),
    ],
)
def test_operators_with_wrong_results_fail(
    operator: str, wrong: object, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"torchvision.ops.{operator}", wrong)
    found = doctor.check_torchvision()
    assert found.status is Status.FAILED
    assert told in found.text


def test_masks_that_come_back_changed_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    from pycocotools import mask as coco_mask

    decode = coco_mask.decode
    monkeypatch.setattr(coco_mask, "decode", lambda encoded: 1 - decode(encoded))
    assert doctor.check_masks().status is Status.FAILED


def test_processor_flags(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nflags\t\t: fpu avx2 amx_tile\n\nprocessor\t: 1\nflags\t\t: other\n")
    assert doctor.processor_flags(cpuinfo) == {"fpu", "avx2", "amx_tile"}
    assert doctor.processor_flags(tmp_path / "missing") == set()


def test_a_processor_without_avx2_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "processor_flags", lambda: {"avx2", "amx_tile"})
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "AVX2")
    found = doctor.check_processor()
    assert found.status is Status.OK
    assert found.text.endswith("AVX2 kernels, instruction sets: AVX2, AMX")
    monkeypatch.setattr("torch.backends.cpu.get_cpu_capability", lambda: "DEFAULT")
    assert doctor.check_processor().status is Status.WARNING
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert doctor.check_processor().status is Status.OK


def test_the_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert doctor.check_device().text.startswith("CPU")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda _: "Some GPU")
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda _: SimpleNamespace(total_memory=8 * 2**30))
    assert doctor.check_device().text == "CUDA: Some GPU, 8.0 GiB"


@pytest.mark.parametrize(
    ("cuda", "dtype", "told"),
    [
        (True, "bfloat16", "bfloat16: the device has it"),
        (True, "float32", "float32: the device lacks bfloat16"),
        (False, "bfloat16", "bfloat16: measured faster than float32"),
        (False, "float32", "float32: measured faster than bfloat16"),
    ],
)
def test_the_number_format_is_explained(
    cuda: bool, dtype: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    asked: list[str] = []

    def fastest(device: str) -> torch.dtype:
        asked.append(device)
        return getattr(torch, dtype)

    monkeypatch.setattr("torch.cuda.is_available", lambda: cuda)
    monkeypatch.setattr("zsi_core.inference.precision.fastest_dtype", fastest)
    assert told in doctor.check_number_format().text
    assert asked == ["cuda" if cuda else "cpu"]


def test_a_folder_that_cannot_be_written_is_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    monkeypatch.setenv("ZSI_CACHE", str(in_the_way / "cache"))
    found = doctor.check_folders()
    assert found.status is Status.WARNING
    assert f"{in_the_way} cannot be written" in found.text
    monkeypatch.setenv("ZSI_CACHE", str(tmp_path / "not" / "yet"))
    assert doctor.check_folders().status is Status.OK
    assert list(tmp_path.iterdir()) == [in_the_way], "the check leaves nothing behind"


@pytest.mark.parametrize(
    ("version", "status"),
    [("6.12.0", Status.FAILED), (None, Status.FAILED), ("6.12.1", Status.WARNING), ("6.11.2", Status.OK)],
)
def test_pyside6(version: str | None, status: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_qt, "installed_version", lambda *_: version)
    found = doctor.check_pyside6()
    assert found.status is status
    assert bool(found.remedy) is (status is not Status.OK)


def test_missing_system_libraries_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(doctor_qt, "has_fonts", lambda: False)
    monkeypatch.setattr(
        doctor_qt, "_loadable", lambda library: library not in ("libEGL.so.1", "libxcb-cursor.so.0")
    )
    found = doctor.check_system_libraries()
    assert found.status is Status.WARNING
    assert "apt-get install libegl1 libxcb-cursor0 fonts-dejavu-core " in found.remedy
    monkeypatch.setattr("sys.platform", "win32")
    assert doctor.check_system_libraries().status is Status.OK


@pytest.mark.skipif("sys.platform != 'linux'")
def test_a_library_that_does_not_exist_cannot_be_loaded() -> None:
    assert doctor_qt._loadable("libc.so.6")
    assert not doctor_qt._loadable("libno-such-library.so.1")


def test_fonts_are_looked_for_in_sub_folders(tmp_path: Path) -> None:
    (tmp_path / "truetype").mkdir()
    (tmp_path / "truetype" / "README.txt").write_text("")
    assert not doctor_qt.has_fonts([tmp_path, tmp_path / "missing"])
    (tmp_path / "truetype" / "Some.TTF").write_text("")
    assert doctor_qt.has_fonts([tmp_path])


def test_models_are_listed_and_damaged_ones_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zsi_core.checkpoint.registry.resources_dir", lambda: tmp_path)
    monkeypatch.setenv("ZSI_MODELS", str(tmp_path / "mine"))
    (tmp_path / "mine" / "odd").mkdir(parents=True)
    (tmp_path / "mine" / "odd" / "config.json").write_text("{")
    found = doctor.check_models()
    assert found.status is Status.WARNING
    assert "the starter model is not in" in found.text
    assert "odd" in found.text
    assert doctor.check_self_test().status is Status.WARNING

    (tmp_path / "models" / "starter").mkdir(parents=True)
    (tmp_path / "models" / "starter" / "config.json").write_text("[]")
    found = doctor.check_models()
    assert found.status is Status.WARNING
    assert str(tmp_path / "mine" / "odd" / "config.json") in found.text
    assert str(tmp_path / "models" / "starter" / "config.json") in found.text


@pytest.mark.parametrize(("scores", "status"), [([0.31, 0.82], Status.OK), ([], Status.WARNING)])
def test_the_self_test_asks_a_demo_picture(
    scores: list[float], status: Status, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Found:
        def __init__(self) -> None:
            self.scores = scores

        def __len__(self) -> int:
            return len(scores)

    class Segmenter:
        @classmethod
        def load(cls, name: str) -> Segmenter:
            assert name == "starter"
            return cls()

        def encode(self, image: np.ndarray) -> tuple[int, ...]:
            assert image.dtype == np.uint8
            return image.shape

        def query(self, encoded: tuple[int, ...], names: list[str]) -> Found:
            assert (encoded, names) == ((407, 640, 3), ["cat"])
            return Found()

    monkeypatch.setitem(sys.modules, "zsi_core.inference", SimpleNamespace(Segmenter=Segmenter))
    monkeypatch.setattr("zsi_core.checkpoint.installed_models", lambda: {"starter": Path("starter")})
    found = doctor.check_self_test()
    assert found.status is status
    assert ("2 x cat on cat_on_sofa.jpg, best score 0.82" in found.text) is bool(scores)
