"""What training does to a picture before the network sees it: torchvision's transforms."""

from torchvision.transforms import v2


def build_augment(
    size: int,
    *,
    crop_scale: float = 0.35,
    flip: bool = True,
    trivial_augment: bool = False,
    erase: float = 0.0,
) -> v2.Transform:
    """uint8 (C, H, W) of any size in, uint8 (C, size, size) out, drawn from torch's global RNG.

    `crop_scale` is the smallest share of the area that a crop covers. ImageNet's customary 0.08
    is for large networks; the ShuffleNet papers ask for "less aggressive scale augmentation".
    """
    steps: list[v2.Transform] = []
    if crop_scale < 1:
        steps.append(v2.RandomResizedCrop(size, scale=(crop_scale, 1.0), antialias=True))
    else:
        steps += [v2.Resize(size, antialias=True), v2.CenterCrop(size)]
    if flip:
        steps.append(v2.RandomHorizontalFlip())
    if trivial_augment:
        steps.append(v2.TrivialAugmentWide())
    if erase > 0:
        steps.append(v2.RandomErasing(p=erase))
    return v2.Compose(steps)
