"""Weights that others publish: their names, where they lie, under which licence, their checksums.

Names: a network's, `shufflenet_v2_x1_0`, or one of torchvision's weights,
`ShuffleNet_V2_X1_0_Weights.IMAGENET1K_V1`; `timm/resnet18.a1_in1k`, as a repository of timm's on
the Hugging Face hub is called, which says licence and checksum itself; and `pytorchcv/resnet18`, or
that name alone where no other library has it.
"""

import json
import os
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from martlet.errors import MartletError, quoted
from martlet.models.table import list_models, spec
from martlet.models.weights import pytorchcv_published as pytorchcv
from martlet.models.weights.download import fetch, fetch_json, has_checksum
from martlet.storage.caches import cache_folder
from martlet.storage.files import write_text

HUB = "https://huggingface.co"  # or $HF_ENDPOINT
TIMMS = re.compile(r"[a-z0-9_]+\.[a-zA-Z0-9_.-]+")  # network and training
ORIGIN = "origin.json"  # beside a file of timm's


@dataclass(frozen=True)
class Published:
    """A file of weights, and the network that it is of, by the library's name."""

    library: str
    model: str
    url: str
    path: Path  # where it is put
    licence: str
    checksum: str  # as `fetch` takes it
    member: str = ""  # of the archive that `url` is
    config: str = ""  # address of a config.json that belongs beside it

    def get(self, say: Callable[[str], None]) -> str:
        """See that the file is there, downloaded where it is not; a sentence on whose it is.

        Raises MartletError when that fails, and for a file that was damaged since.
        """
        of = f"{self.library}'s {self.model}, licence {self.licence}"
        if self.path.exists():
            if not has_checksum(self.path, self.checksum):
                raise MartletError(
                    f"{self.path} is damaged; delete it, so that it is downloaded again."
                )
            return f"published weights: {of} ({self.path})"
        say(f"downloading {of}: {self.url}")
        if self.config:
            fetch(self.config, self.path.with_name("config.json"))
        fetch(self.url, self.path, self.checksum, self.member)
        return f"published weights: {of}, now in {self.path}"


def of_torchvision(name: str) -> Published:
    """The file of one of torchvision's weights, where torchvision itself puts it."""
    import torch
    from torchvision.models import get_weight

    weights = get_weight(name)
    file = Path(weights.url).name
    digits = re.search(r"-([0-9a-f]{8,})\.", file)
    return Published(
        "torchvision",
        _row_of(name),
        weights.url,
        Path(torch.hub.get_dir(), "checkpoints", file),
        "BSD-3-Clause",
        f"sha256:{digits[1]}" if digits else "",
    )


def of_pytorchcv(name: str) -> Published:
    """The file of one of pytorchcv's networks."""
    release, error, digits = pytorchcv.PUBLISHED[name].split()
    file = f"{name}-{error}-{digits[:8]}.pth"
    return Published(
        "pytorchcv",
        name,
        f"{pytorchcv.RELEASES}/{release}/{file}.zip",
        cache_folder() / "weights" / "pytorchcv" / file,
        pytorchcv.LICENCE,
        f"sha1:{digits}",
        member=file,
    )


def of_timm(name: str) -> Published:
    """The file of a repository of timm's; the hub is asked, unless the file is here already."""
    folder = cache_folder() / "weights" / "timm" / name
    path, origin = folder / "model.safetensors", folder / ORIGIN
    try:
        known = json.loads(origin.read_text(encoding="utf-8")) if path.exists() else None
        if known is not None:
            return Published(**known | {"path": path})
    except (OSError, ValueError, TypeError):
        pass  # asked again
    hub = os.environ.get("HF_ENDPOINT", HUB).rstrip("/")
    told = fetch_json(
        f"{hub}/api/models/timm/{name}?blobs=true",
        f"timm/{name} is a name such as timm/resnet18.a1_in1k; where there is a network, download "
        f"its model.safetensors and config.json and give the file",
    )
    made = Published(
        "timm",
        name,
        f"{hub}/timm/{name}/resolve/main/model.safetensors",
        path,
        str(_inside(told, "cardData", "license") or "not stated"),
        _checksum(told),
        config=f"{hub}/timm/{name}/resolve/main/config.json",
    )
    write_text(origin, json.dumps(asdict(made) | {"path": ""}))
    return made


def published(name: str) -> Published:
    """The weights of this name.

    Raises MartletError, which says what is accepted, when there are none.
    """
    library, _, rest = name.rpartition("/")
    if library == "timm" and TIMMS.fullmatch(rest):
        return of_timm(rest)
    if library in ("", "torchvision"):
        if rest in _torchvisions():
            return of_torchvision(rest)
        if (row := _known(rest)) and (weights := spec(row).weights):
            return of_torchvision(weights.name)
    if library in ("", "pytorchcv") and rest in pytorchcv.PUBLISHED:
        return of_pytorchcv(rest)
    raise MartletError(unknown_name(name))


def unknown_name(name: str) -> str:
    """The sentence for a name of no weights."""
    names = [*with_weights(), *_torchvisions(), *pytorchcv.PUBLISHED]
    names += [f"pytorchcv/{known}" for known in pytorchcv.PUBLISHED]
    close = get_close_matches(name, names, n=3, cutoff=0.7)
    meant = f" (close: {', '.join(close)})" if close else ""
    return (
        f"pretrained={quoted(name)} is no file, no run folder and no name of published weights"
        f"{meant}; give true, a file, a run folder, or a name: {', '.join(with_weights()[:3])}, … "
        "(`martlet list` shows which networks have some), timm/NAME as timm/resnet18.a1_in1k, or "
        "pytorchcv/NAME as pytorchcv/shufflenetv2_wd2."
    )


def with_weights() -> list[str]:
    """Names of the networks whose weights torchvision publishes, the smallest first."""
    rows = [spec(name) for name in list_models()]
    return [row.name for row in sorted(rows, key=lambda row: row.params) if row.weights is not None]


def _torchvisions() -> list[str]:
    return [weights.name for name in with_weights() if (weights := spec(name).weights)]


def _row_of(weights: str) -> str:
    return next(name for name in with_weights() if (w := spec(name).weights) and w.name == weights)


def _known(name: str) -> str | None:
    """Our name of a network, None for none."""
    try:
        return spec(name).name
    except MartletError:
        return None


def _checksum(told: dict[str, Any]) -> str:
    """Of model.safetensors, as the hub lists a repository's files."""
    files = told.get("siblings")
    for file in files if isinstance(files, list) else ():
        if _inside(file, "rfilename") == "model.safetensors":
            digits = _inside(file, "lfs", "sha256")
            return f"sha256:{digits}" if isinstance(digits, str) else ""
    return ""


def _inside(table: Any, *keys: str) -> Any:
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table
