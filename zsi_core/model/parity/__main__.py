"""`python -m zsi_core.model.parity FILE...`; see the package."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from zsi_core.errors import EXIT_BAD_INPUT
from zsi_core.model.parity.compare import compare, lines
from zsi_core.model.parity.files import ParityError, read_parity_file


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare files; returns 0 where all agree, 1 where one does not, 2 for files that cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m zsi_core.model.parity",
        description="Compare the reference profile with numbers that the authors' modules computed.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="an .npz of arrays")
    parser.add_argument(
        "--words",
        type=Path,
        help="text file of the classes' word vectors, or their folder; by default word_vectors/reference "
        "under ZSI_TEST_DATA",
    )
    given = parser.parse_args(arguments)
    agree = True
    for path in given.files:
        try:
            report = compare(read_parity_file(path), given.words)
        except ParityError as error:
            print(error, file=sys.stderr)
            return EXIT_BAD_INPUT
        print("\n".join(lines(path, report)), flush=True)
        agree &= report.agrees
    return 0 if agree else 1


if __name__ == "__main__":
    sys.exit(main())
