"""Options of `train` for pictures with boxes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from martlet.arguments import option


@dataclass(frozen=True, kw_only=True)
class BoxOptions:
    """What is read besides pictures, and what is learnt of it."""

    boxes: Path | None = option(
        None,
        "Boxes: folder or file of annotations: Pascal VOC, COCO JSON, YOLO txt or CSV.",
        only="boxes",
    )
    boxes_for: Literal["upright", "stored"] = option(
        "upright", "Boxes: which picture they are of, where EXIF turns it.", only="boxes"
    )
    detector: str | None = option(None, "Boxes: neck and head (default: lite).", only="boxes")
