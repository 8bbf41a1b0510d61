"""Why a class: how much each place of the last maps adds to its logit.

Behind a mean and one linear layer a logit is the sum of what the places add, and its bias: class
activation maps (Zhou et al. 2016, arXiv 1512.04150). Where other layers lie between, the gradient
stands for the linear layer's weights: Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391). Both are
given with their sign; the ReLU of the latter is left to whoever draws.
"""

from typing import cast

import torch
from torch import Tensor, nn

from martlet.models.classifier import Classifier, ImageClassifier


def is_exact(model: Classifier) -> bool:
    """Whether `class_activation` gives the very parts of a logit, not their gradient's."""
    mean = isinstance(model, ImageClassifier) and type(model).pool is ImageClassifier.pool
    return mean and isinstance(model.classifier, nn.Linear)


def class_activation(model: Classifier, inputs: Tensor, classes: Tensor) -> Tensor:
    """What each place of the last maps adds to the logit of the class asked for.

    inputs (batch, ...) as the network takes them and classes (batch,) -> (batch, rows, columns) of
    pictures, (batch, time) of recordings. The mode of the network is put back.
    """
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            features = model.forward_features(inputs)
        parts = _weighed if is_exact(model) else grad_cam
        found = parts(model, features, classes.to(features.device))
    finally:
        model.train(training)
    return found if isinstance(model, ImageClassifier) else found.flatten(2).sum(2)


def _weighed(model: Classifier, features: Tensor, classes: Tensor) -> Tensor:
    """(batch, channels, rows, columns) -> (batch, rows, columns): the maps, by the weights."""
    weight = cast(nn.Linear, model.classifier).weight.detach()[classes]
    places = features.shape[2] * features.shape[3]
    return torch.einsum("nchw,nc->nhw", features, weight / places)


def grad_cam(model: Classifier, features: Tensor, classes: Tensor) -> Tensor:
    """(batch, channels, ...) -> (batch, ...): the maps, by the gradients of the logits at them.

    Each place has its own gradient; behind a mean over the places, as all our networks of pictures
    have one, they are equal, and their mean is Grad-CAM's weight. Scaled as the parts of a logit.
    """
    features = features.detach().requires_grad_()
    with torch.enable_grad():
        logits = model.forward_head(features)
        asked = logits.gather(1, classes[:, None]).sum()
        (gradient,) = torch.autograd.grad(asked, features)
    return (gradient * features.detach()).sum(1)
