"""The network of the paper: backbone, BA-RPN, zero-shot detector, Semantic Mask Head."""

from zsi_core.model.config import ModelConfig
from zsi_core.model.targets import Target
from zsi_core.model.zsi import ZSI, Regions

__all__ = ["ZSI", "ModelConfig", "Regions", "Target"]
