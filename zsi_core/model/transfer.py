"""From seen to unseen classes as the published code does it; the paper compares with any word directly.

Shapes
    R  regions    D  length of a word vector    n  seen classes    K  names    N  word vectors
"""

from __future__ import annotations

from torch import Tensor


def posterior_scores(logits: Tensor, seen: Tensor, background: Tensor, words: Tensor) -> Tensor:
    """p W_s^T W: the word vector to be expected from the probabilities of the seen classes, times each name.

    Args:
        logits: (R, 1 + n) scores of background and seen classes.
        seen: (n, D), W_s without its background.
        background: (R, D), v_b of each region's image.
        words: W, (K, D).

    Returns:
        (R, K) float32; dot products, not probabilities.
    """
    p = logits.float().softmax(dim=1)
    expected = p[:, :1] * background + p[:, 1:] @ seen
    return expected @ words.T


def through_seen(words: Tensor, seen: Tensor, background: Tensor) -> Tensor:
    """W_s W_s^T w: word vectors as the seen classes and the background see them.

    Args:
        words: (N, D).
        seen: (n, D).
        background: (N, D).

    Returns:
        (N, D) float32.
    """
    along_background = (words * background).sum(dim=1, keepdim=True)
    return (words @ seen.T) @ seen + along_background * background
