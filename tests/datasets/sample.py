"""The sample project as a plain folder: a folder a batch, each document with its image beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cf_ai_platform_client

DATA = Path(str(cf_ai_platform_client.__file__)).parent / "sandbox" / "data"


def lay_sample(folder: Path, *, images: bool = True) -> Path:
    """Write it; return the folder."""
    project = json.loads((DATA / "project.json").read_bytes())
    names = {batch["id"]: batch["name"] for batch in project["batches"]}
    for item in project["items"]:
        batch = folder / names[item["batchId"]]
        batch.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(DATA / item["coco"], batch / f"{item['id']}.json")
        if images:
            shutil.copyfile(DATA / item["image"], batch / Path(item["image"]).name)
    return folder
