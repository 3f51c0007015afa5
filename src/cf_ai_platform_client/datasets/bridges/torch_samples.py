"""What a torch dataset does, but for being one: knows its samples, and makes tensors of the one that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ..extras import require
from ..records import Sample
from ..report import Report
from ..size_limit import is_too_large
from .masks import masks
from .pictures import image_path, read_picture, size_of, too_large_to_draw
from .targets import CLIPPED, Needs, Target, corners, has_keypoints, mask_problem, targets

if TYPE_CHECKING:
    from ..dataset import Dataset

NO_IMAGE = "no image on the disk"

Transforms: TypeAlias = "Callable[[Any, dict[str, Any]], tuple[Any, dict[str, Any]]]"


class TorchSamples:
    """Images and targets by number; see `to_torch`. `needs` tells whether targets hold masks, how many keypoints."""

    def __init__(self, dataset: Dataset, transforms: Transforms | None, report: Report) -> None:
        self.categories = dataset.categories
        self.transforms = transforms
        self.report = report
        self.needs = Needs()
        self._samples = dataset.index()
        self._numbers: list[int] = []

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, at: int) -> tuple[Any, dict[str, Any]]:
        torch, numpy = (require(module, "torch", "torch datasets") for module in ("torch", "numpy"))
        sample = self.sample(at)
        picture = read_picture(sample, "torch")
        pixels = numpy.asarray(picture, dtype=numpy.float32).transpose(2, 0, 1) / 255
        image = torch.from_numpy(numpy.ascontiguousarray(pixels))
        width, height = picture.size
        chosen = [target for target, why in targets(sample.annotations, width, height, self.needs) if why is None]
        target = {"image_id": self._numbers[at] + 1, **tensors(torch, chosen, width, height, self.needs)}
        return (image, target) if self.transforms is None else self.transforms(image, target)

    def __repr__(self) -> str:
        extra = [name for name in ("masks", "keypoints") if getattr(self.needs, name)]
        return f"<{type(self).__name__} images={len(self)} targets={','.join(['boxes', *extra])}>"

    def sample(self, at: int) -> Sample:
        """Return the records that an item is made of."""
        return self._samples[self._numbers[at]]

    def index(
        self, dataset: Dataset, with_masks: bool | None, with_keypoints: bool | None, missing: Literal["raise", "skip"]
    ) -> None:
        """Look at every sample once: whether it can be used, and whether all have masks and keypoints."""
        points = max((len(category.keypoints) for category in self.categories), default=0)
        if with_keypoints and not points:
            raise ValueError("keypoints is True, but no category names its keypoints.")
        needs = Needs(with_masks is True, points if with_keypoints else 0)
        all_masks, all_points = with_masks is not False, with_keypoints is not False
        found, too_large = 0, None
        for number, sample in enumerate(dataset.samples(self.report)):
            if sample.path is None and missing == "skip":
                self.report.images.left_out[NO_IMAGE] += 1
                self.report.annotations.left_out[NO_IMAGE] += len(sample.annotations)
                continue
            image_path(sample)
            size = size_of(sample, "torch")
            self._numbers.append(number)
            if too_large is None and is_too_large(*size):
                too_large = too_large_to_draw(sample, size)
            for target in self._count(sample, size, needs):
                found += 1
                all_masks = all_masks and mask_problem(target.annotation, *size) is None
                all_points = all_points and has_keypoints(target.annotation, points)
        self.needs = Needs(all_masks and found > 0, points if all_points and found else 0)
        if self.needs.masks and too_large is not None:
            raise too_large
        self.report.images.went_out += len(self)
        self.report.annotations.went_out += found

    def _count(self, sample: Sample, size: tuple[int, int], needs: Needs) -> list[Target]:
        """Return the targets of a sample; tell what is left out, and changed."""
        chosen: list[Target] = []
        for target, why in targets(sample.annotations, *size, needs):
            if why is not None:
                self.report.annotations.left_out[why] += 1
                continue
            self.report.changed[CLIPPED] += target.corners != corners(target.annotation.bbox)
            chosen.append(target)
        return chosen


def tensors(torch: Any, chosen: Sequence[Target], width: int, height: int, needs: Needs) -> dict[str, Any]:
    """Return the tensors of a target; where there is no object, their first length is 0."""
    annotations = [target.annotation for target in chosen]
    found = {
        "boxes": torch.tensor([target.corners for target in chosen], dtype=torch.float32).reshape(-1, 4),
        "labels": torch.tensor([each.category.id for each in annotations], dtype=torch.int64),
        "area": torch.tensor([each.area for each in annotations], dtype=torch.float32),
        "iscrowd": torch.tensor([each.iscrowd for each in annotations], dtype=torch.int64),
    }
    if needs.masks:
        found["masks"] = torch.from_numpy(masks(annotations, width, height, "torch"))
    if needs.keypoints:
        points = torch.tensor([each.keypoints for each in annotations], dtype=torch.float32)
        found["keypoints"] = points.reshape(-1, needs.keypoints, 3)
    return found
