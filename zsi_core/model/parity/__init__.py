"""Comparison of the `reference` profile with numbers that the authors' modules computed.

    python -m zsi_core.model.parity FILE... [--words FOLDER]

prints, for every quantity of the files, the largest difference relative to the quantity's largest value, and
ends with 1 where one exceeds the tolerance. A file is an `.npz`; what it holds, of which split and sizes,
follows from its arrays alone. Weights are not stored, and inputs need not be: they are drawn from their names
(`seeded.py`). Arrays that this program does not know are listed, and do not count.
"""

from zsi_core.model.parity.compare import Comparison, Report, compare
from zsi_core.model.parity.files import ParityError, ParityFile, read_parity_file

__all__ = ["Comparison", "ParityError", "ParityFile", "Report", "compare", "read_parity_file"]
