"""What goes into the built program, how it is laid out and how it starts its processes. Building it takes
many minutes: `python build_installer.py --smoke-test`."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

import build_installer  # noqa: E402
from installer import contents, deb, licences, smoke_test  # noqa: E402
from installer.program import entry, restore_library_path  # noqa: E402
from zsi_core.program import module_command  # noqa: E402


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("PySide6/Qt/plugins/platforms/libqxcb.so", True),
        ("PySide6/Qt/plugins/platforms/libqoffscreen.so", True),
        ("PySide6/Qt/plugins/platforms/libqeglfs.so", False),
        ("PySide6/Qt/plugins/platformthemes/libqxdgdesktopportal.so", True),
        ("PySide6/Qt/plugins/platformthemes/libqgtk3.so", False),
        ("PySide6/plugins/tls/qopensslbackend.dll", False),
        ("PySide6/Qt/plugins/imageformats/libqsvg.so", True),
        ("PySide6/Qt/plugins/imageformats/libqpdf.so", False),
        ("PySide6/Qt/translations/qt_de.qm", False),
        ("PySide6/Qt/lib/libQt6Network.so.6", False),
        ("PySide6/Qt6Network.dll", False),
        ("PySide6/Qt/lib/libQt6Widgets.so.6", True),
        ("triton/language/core.py", False),
        ("triton-3.9.0.dist-info/METADATA", False),
        ("torch/lib/libtorch_cpu.so", True),
        ("torch/bin/torch_shm_manager", True),
        ("torch/bin/protoc", False),
        ("torch/include/ATen/ATen.h", False),
        ("torch/testing/_internal/common_dtype.py", True),
        ("nvidia/cu13/lib/libcusolver.so.12", True),
        ("nvidia/cu13/lib/libcusolverMg.so.12", False),
        ("nvidia/cu13/lib/libcudart_static.a", False),
        ("nvidia/cudnn/lib/libcudnn_adv.so.9", True),
        ("nvidia/nvshmem/lib/libnvshmem_host.so.3", True),
        ("nvidia/nvshmem/lib/libnvshmem_device_sm_90.bc", False),
        ("scipy/stats/tests/data.txt", False),
        ("zsi_core/_resources/models/starter/model.safetensors", True),
        ("zsi_core/_resources/demo/coins.jpg", True),
        ("training/recipes/retrain_fast.toml", True),
    ],
)
def test_what_is_wanted(name: str, wanted: bool) -> None:
    assert contents.is_wanted(name) is wanted


def test_sizes_are_summed_by_library() -> None:
    files = [("_internal/torch/lib/a.so", 5), ("_internal/torch/b.py", 2), ("zsi", 1), ("_internal/x.so", 3)]
    assert contents.size_report(files) == [("torch", 7), ("single files", 4)]


def test_processes_of_a_source_tree_are_started_by_python() -> None:
    assert module_command("zsi_core.engine", ["--threads", "1"])[1:] == [
        *("-P", "-m", "zsi_core.engine"),
        *("--threads", "1"),
    ]


@pytest.mark.parametrize(("module", "word"), [("zsi_core.engine", "engine"), ("training", "training")])
@pytest.mark.parametrize("suffix", ["", ".exe"])
def test_processes_of_a_frozen_program_are_sub_commands_of_it(
    module: str, word: str, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Path("/opt/zsi-annotator")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "executable", str(program / f"zsi-annotator{suffix}"))
    command, *arguments = module_command(module, ["--help"])
    assert command == str(program / f"zsi{suffix}")
    main, left = entry(Path(command).stem, arguments)
    assert (main.__module__, left) == (
        {"engine": "zsi_core.engine.server", "training": "training.__main__"}[word],
        ["--help"],
    )


def test_the_two_executables_are_window_and_command_line() -> None:
    assert entry("zsi-annotator", ["engine"])[0].__module__ == "app.__main__"
    assert entry("zsi", ["doctor"])[0].__module__ == "zsi_core.cli"


def test_the_window_loads_no_torch() -> None:
    code = "import sys; from installer.program import entry; entry('zsi-annotator', []); "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def bundled(*modules: str) -> list[str]:
    """Paths of modules, without importing them."""
    return [str(importlib.util.find_spec(module).origin) for module in modules]  # type: ignore[union-attr]


def test_licences_of_what_is_bundled_are_collected_and_no_others(tmp_path: Path) -> None:
    sources = bundled("numpy", "PySide6.QtCore", "pycocotools.mask", "safetensors", "installer.program")
    lines = licences.collect(sources, tmp_path / "licences")
    assert (tmp_path / "licences" / licences.LIST).read_text().splitlines()[2:] == lines
    names = [line.split()[0] for line in lines]
    assert names == ["numpy", "pycocotools", "PySide6_Essentials", "safetensors", "Python"]
    assert "Apache" in (tmp_path / "licences" / "safetensors" / "LICENSE").read_text()
    assert (tmp_path / "licences" / "PySide6_Essentials" / "LGPL-3.0.txt").is_file()
    assert "Dollar" in (tmp_path / "licences" / "pycocotools" / "pycocotools.txt").read_text()


def test_every_package_of_the_program_has_a_licence_text() -> None:
    without = {
        found.name
        for found in metadata.distributions()
        if not any(licences.licence_files(found)) and found.name not in licences.ADDED
    }
    assert without <= {"cuda-toolkit"}  # holds nothing but names of other packages


def test_a_package_without_a_licence_text_ends_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(licences, "ADDED", {})
    with pytest.raises(SystemExit, match="pycocotools is bundled but brings no licence text"):
        licences.collect(bundled("pycocotools.mask"), tmp_path / "licences")


def test_libraries_of_the_system_are_listed(tmp_path: Path) -> None:
    library = tmp_path / "libown.so.1"
    library.touch()
    assert licences.collect([str(library)], tmp_path / "licences")[-1].endswith("not collected: libown.so.1")


@pytest.mark.skipif(shutil.which("dpkg-query") is None, reason="no Debian")
def test_libraries_of_debian_come_with_its_copyright_file(tmp_path: Path) -> None:
    library = next(Path("/usr/lib").glob("*/libc.so.6"))
    lines = licences.collect([str(library)], tmp_path / "licences")
    assert lines[-1] == "libc6, of the system that this was built on: libc.so.6"
    assert "GNU" in (tmp_path / "licences" / "libc6" / "copyright").read_text()


def test_libraries_that_are_opened_by_name_are_bundled(tmp_path: Path) -> None:
    names = ("nvidia/cu13/lib/libnvrtc-builtins.so.13", "torchvision/_C_stable.so")
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    expected = [(str(tmp_path / name), name.rpartition("/")[0]) for name in names]
    assert contents.opened_by_name(tmp_path) == expected


def test_the_operators_of_torchvision_are_bundled() -> None:
    packages = Path(str(importlib.util.find_spec("torchvision").origin)).parents[1]  # type: ignore[union-attr]
    assert any(folder == "torchvision" and "_C" in file for file, folder in contents.opened_by_name(packages))


def test_what_is_pruned_leaves_no_empty_package(tmp_path: Path) -> None:
    for name in ("triton/backends/nvidia/ptxas", "scipy/stats/tests/data.txt", "scipy/stats/norm.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("four")
    assert contents.prune(tmp_path) == 8
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert left == ["scipy", "scipy/stats", "scipy/stats/norm.py"]


def test_programs_of_the_system_get_their_own_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/zsi-annotator/_internal")
    monkeypatch.delenv("LD_LIBRARY_PATH_ORIG", raising=False)
    restore_library_path()
    assert "LD_LIBRARY_PATH" not in os.environ
    monkeypatch.setenv("LD_LIBRARY_PATH", "/opt/zsi-annotator/_internal:/opt/mine")
    monkeypatch.setenv("LD_LIBRARY_PATH_ORIG", "/opt/mine")
    restore_library_path()
    assert os.environ["LD_LIBRARY_PATH"] == "/opt/mine"


def test_the_debian_package_is_laid_out(tmp_path: Path) -> None:
    program = tmp_path / "program"
    (program / "_internal").mkdir(parents=True)
    (program / "zsi").write_bytes(b"x" * 4096)
    (program / "_internal" / "lib.so").symlink_to("../zsi")
    tree = tmp_path / "tree"
    deb.lay_out(program, tree, "1.2.3")
    control = (tree / "DEBIAN" / "control").read_text()
    assert "Version: 1.2.3\n" in control and "libxcb-cursor0" in control
    assert re.search(r"^Depends: libc6 \(>= \d+\.\d+\), ", control, re.MULTILINE)
    assert (tree / "opt/zsi-annotator/_internal/lib.so").is_symlink()
    assert str((tree / "usr/bin/zsi").readlink()) == "/opt/zsi-annotator/zsi"
    assert str((tree / "usr/share/doc/zsi-annotator/copyright").readlink()) == "/opt/zsi-annotator/LICENSE"
    icon = tree / "usr/share/icons/hicolor/scalable/apps/zsi-annotator.svg"
    assert "currentColor" not in icon.read_text()
    assert "*.zsip" in (tree / "usr/share/mime/packages/zsi-annotator.xml").read_text()
    assert (tree / "usr/share/applications/zsi-annotator.desktop").is_file()


def test_a_folder_is_packed_under_its_version(tmp_path: Path) -> None:
    program = tmp_path / "zsi-annotator"
    program.mkdir()
    (program / "zsi").write_text("x")
    archive = build_installer.pack(program, "tar", "cpu", tmp_path)
    assert archive.name == f"zsi-annotator-{build_installer.version()}-cpu.tar.gz"
    assert build_installer.pack(program, "dir", "cpu", tmp_path) == program


def test_a_program_that_fails_fails_the_smoke_test(tmp_path: Path) -> None:
    (tmp_path / "program" / "demo").mkdir(parents=True)
    (tmp_path / "program" / "demo" / "demo.json").write_text("{}")
    (tmp_path / "program" / "zsi").write_text("#!/bin/sh\necho broken >&2; exit 1\n")
    (tmp_path / "program" / "zsi").chmod(0o755)
    with pytest.raises(SystemExit, match="zsi doctor ended with exit code 1"):
        smoke_test.smoke_test(tmp_path / "program", tmp_path / "try")
    with pytest.raises(SystemExit, match="lacks the resources"):
        smoke_test.smoke_test(tmp_path / "empty", tmp_path / "try")


def test_a_new_user_has_nothing_but_the_program(tmp_path: Path) -> None:
    environment = smoke_test.clean_environment(tmp_path)
    assert environment["PATH"] == "" and environment["HOME"] == str(tmp_path)
    assert "PYTHONPATH" not in environment and "VIRTUAL_ENV" not in environment


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
def test_a_window_that_ends_fails_the_smoke_test_and_is_quoted(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "zsi-annotator").write_text("#!/bin/sh\necho no display >&2; exit 1\n")
    (tmp_path / "zsi-annotator").chmod(0o755)
    with pytest.raises(SystemExit, match="before the demo is open"):
        smoke_test._try_window(tmp_path, tmp_path, smoke_test.clean_environment(tmp_path))
    assert "no display" in capfd.readouterr().err
