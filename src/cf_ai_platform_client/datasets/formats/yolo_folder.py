"""A YOLO dataset on the disk: images and labels by split, and the `data.yaml` that describes them.

Images and labels have the same stem; `images/` and `labels/` differ by that word only, which is how readers find one
from the other. `data.yaml` has no `path`: its folders are relative to the file, so that the dataset can be moved.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from ..conversion import Conversion
from ..names import flat_name
from ..records import Annotation, Category, Sample
from ..report import counted
from .class_names import changed_names, class_names
from .reasons import NO_SIZE, LeftOut
from .sizing import Sizes
from .walking import Size, leave_out, stem_of, walk, without_crowds

Label = Callable[[int, Annotation, Size, "Counter[str]"], "str | LeftOut"]
"""Writes the line of an object: its class's number, the object, the image's size, and what counts changes."""

Members = Mapping[str, str]
"""More members of `data.yaml`, their values as YAML."""


def write_yolo(job: Conversion, label: Label, members: Members | None = None) -> None:
    """Write labels and images of all splits, and `data.yaml`; crowds are left out unless they are to be kept."""
    categories = next(iter(job.splits.values())).categories
    names = class_names(categories)
    job.report.warnings += changed_names(categories, names)
    folder = _Folder(job, categories, label)
    images = {split or "train": folder.write_split(split) for split in job.splits}
    with job.out.open("data.yaml") as file:
        file.write(data_yaml(names, images, members or {}).encode("ascii"))
    job.report.warnings += folder.warnings()
    if images.get("train") and not images.get("val"):
        job.report.warnings.append(
            "No images were set apart for validation: `val` in data.yaml names those of training, so what Ultralytics "
            "measures there says nothing of new images. Split so that val has images."
        )


def data_yaml(names: Sequence[str], images: Mapping[str, int], members: Members) -> str:
    """Return the description of a dataset with so many images by split; without any for validation it names train.

    >>> print(data_yaml(["Baum: groß"], {"train": 3}, {}), end="")
    # Folders are relative to this file.
    train: images/train
    val: images/train
    nc: 1
    names:
      0: "Baum: gro\\u00df"
    """
    val = "val" if images.get("val") else "train"
    lines = ["# Folders are relative to this file.", "train: images/train", f"val: images/{val}"]
    if images.get("test"):
        lines.append("test: images/test")
    lines += [f"nc: {len(names)}", "names:" if names else "names: {}"]
    lines += [f"  {number}: {quoted(name)}" for number, name in enumerate(names)]
    lines += [f"{name}: {value}" for name, value in members.items()]
    return "\n".join([*lines, ""])


def quoted(text: str) -> str:
    r"""Write text as YAML in ASCII: as JSON, but for characters of more than 16 bits.

    >>> print(quoted('"no": 🌳'))
    "\"no\": \U0001f333"
    """
    pieces = re.split("([\U00010000-\U0010ffff])", text)
    pieces[::2] = [json.dumps(piece)[1:-1] for piece in pieces[::2]]
    pieces[1::2] = [f"\\U{ord(piece):08x}" for piece in pieces[1::2]]
    return f'"{"".join(pieces)}"'


class _Folder:
    def __init__(self, job: Conversion, categories: Sequence[Category], label: Label) -> None:
        self._job = job
        self._numbers = {category.id: number for number, category in enumerate(categories)}
        self._label = label
        self._sizes = Sizes()
        self._images = self._repeated = 0

    def write_split(self, split: str) -> int:
        """Write the images and labels of one split; return how many images there are."""
        before = self._images
        for sample in walk(self._job, self._job.splits[split]):
            self._write_image(sample, split or "train")
        return self._images - before

    def _write_image(self, sample: Sample, folder: str) -> None:
        job, size = self._job, self._sizes.of(sample)
        if size is None and sample.annotations:
            leave_out(job, sample, NO_SIZE)
            return
        name = flat_name(job.name_of(sample))
        lines = self._lines(sample, size) if size is not None else []
        with job.out.open(f"labels/{folder}/{stem_of(name)}.txt") as file:
            file.write("".join(f"{line}\n" for line in lines).encode("ascii"))
        job.out.add_image(f"images/{folder}/{name}", sample.path)
        self._images += 1
        self._repeated += len(lines) - len(set(lines))
        job.report.emptied += bool(sample.annotations and not lines)
        job.report.images.went_out += 1
        job.report.annotations.went_out += len(lines)

    def _lines(self, sample: Sample, size: Size) -> list[str]:
        job, lines = self._job, list[str]()
        keep = job.crowds == "keep"
        for annotation in sample.annotations if keep else without_crowds(job, sample.annotations):
            line = self._label(self._numbers[annotation.category.id], annotation, size, job.report.changed)
            if isinstance(line, LeftOut):
                job.report.annotations.left_out[line.reason] += 1
            else:
                lines.append(line)
        return lines

    def warnings(self) -> list[str]:
        """Tell what a training would meet."""
        found = self._sizes.warnings()
        if self._job.images == "none" and self._images:
            found.append("Images were not copied: put each into images/, where labels/ has a file of the same name.")
        if self._repeated:
            what = counted(self._repeated, "label stands", "labels stand")
            found.append(f"{what} twice in one file: Ultralytics takes each once.")
        return found
