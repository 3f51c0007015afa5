"""Every code that a finding can have: how bad it is, what it means, what a fix does, and who trips on it."""

from __future__ import annotations

from typing import NamedTuple

from .findings import Effect, Severity


class Kind(NamedTuple):
    """A code's meaning. `fix` is None where nothing can be done without guessing."""

    severity: Severity
    effect: Effect
    meaning: str
    fix: str | None
    trips: str


def _kinds() -> dict[str, Kind]:
    return {**_DOCUMENTS, **_IDS, **_IMAGES, **_CATEGORIES, **_OBJECTS, **_BOXES, **_MASKS, **_KEYPOINTS, **_FILES}


_DOCUMENTS = {
    "unreadable_file": Kind("error", "left_out", "The file cannot be read", None, "everything"),
    "not_json": Kind("error", "left_out", "It is no JSON: empty, cut short, or another format", None, "everything"),
    "not_coco": Kind("error", "left_out", "It is JSON, but no COCO document", None, "everything"),
    "not_strict_json": Kind(
        "error",
        "fixed",
        "It has NaN, Infinity or half of a surrogate pair, which JSON does not know",
        "NaN and Infinity become null, half of a pair becomes U+FFFD",
        "jq, JavaScript, Arrow; COCOeval computes NaN",
    ),
    "byte_order_mark": Kind("warning", "fixed", "It begins with a byte order mark", "the mark is dropped", "json.load"),
    "other_encoding": Kind("warning", "fixed", "It is UTF-16 or UTF-32", "it is written as UTF-8", "json.load"),
    "duplicate_key": Kind(
        "warning",
        "fixed",
        "An object has a member twice",
        "the last one stays, as in all readers",
        "nobody, in silence",
    ),
    "missing_member": Kind(
        "error",
        "fixed",
        "There is no list of images, of annotations or of categories",
        "an empty list is added",
        "supervision, torchvision: KeyError",
    ),
    "not_a_list": Kind("error", "left_out", "Images, annotations or categories are no list", None, "everything"),
    "not_an_object": Kind("error", "left_out", "An entry of a list is no object", None, "everything"),
    "bad_info": Kind("info", "kept", "`info` is no object, or `licenses` no list of objects", None, "few"),
}

_IDS = {
    "missing_image_id": Kind("error", "left_out", "An image has no usable id", None, "pycocotools: KeyError"),
    "duplicate_image_id": Kind(
        "error", "kept", "Two different images have one id", None, "pycocotools keeps one image with both's annotations"
    ),
    "same_image_again": Kind(
        "warning", "left_out", "An image is listed twice", "the second entry is removed", "detectron2, datumaro"
    ),
    "missing_category_id": Kind("error", "left_out", "A category has no usable id", None, "pycocotools: KeyError"),
    "duplicate_category_id": Kind(
        "error", "kept", "Two different categories have one id", None, "pycocotools loses a name in silence"
    ),
    "same_category_again": Kind(
        "warning", "fixed", "A category is listed twice", "the second entry is removed", "supervision, detectron2"
    ),
    "missing_annotation_id": Kind(
        "error", "fixed", "An annotation has no usable id", "the next free id is given", "pycocotools: KeyError"
    ),
    "duplicate_annotation_id": Kind(
        "error",
        "kept",
        "Two annotations have one id",
        "the later one gets the next free id",
        "pycocotools: one overwrites the other; detectron2 asserts",
    ),
    "zero_annotation_id": Kind(
        "error", "kept", "An annotation has the id 0", "the next free id is given", "COCOeval: a match counts as none"
    ),
    "zero_category_id": Kind("info", "kept", "A category has the id 0", None, "torchvision takes 0 for background"),
    "string_id": Kind(
        "error",
        "kept",
        "An id is text",
        "a free number is given wherever it stands, the text kept as `source_id`",
        "detectron2, torchvision, COCOeval's results",
    ),
    "unknown_image_id": Kind(
        "error", "left_out", "An annotation is of an image that is not listed", None, "pycocotools, supervision"
    ),
    "unknown_category_id": Kind(
        "error", "left_out", "An annotation is of a category that is not listed", None, "supervision, detectron2"
    ),
    "ambiguous_image_id": Kind(
        "error", "left_out", "An annotation's image_id stands for two images", None, "pycocotools, in silence"
    ),
    "ambiguous_category_id": Kind(
        "error", "left_out", "An annotation's category_id stands for two categories", None, "pycocotools, in silence"
    ),
    "duplicate_item_id": Kind(
        "warning", "kept", "Two documents are of one work item", None, "a training set holds the same image twice"
    ),
}

_IMAGES = {
    "missing_file_name": Kind("error", "kept", "An image has no file name", None, "torchvision, supervision: KeyError"),
    "absolute_file_name": Kind(
        "warning", "kept", "A file name is an absolute path, or a URL", None, "all, on other machines"
    ),
    "backslash_file_name": Kind(
        "warning", "kept", "A file name has backslashes", "they become /", "all, but on Windows"
    ),
    "encoded_file_name": Kind(
        "warning", "kept", "A file name is percent-encoded", "it is decoded", "all: the file is not found"
    ),
    "unsafe_file_name": Kind("warning", "kept", "A file name leads out of its folder", None, "whatever writes files"),
    "same_file_name": Kind(
        "error",
        "kept",
        "Two images of one document have one file name, but for case",
        None,
        "supervision, datumaro; Windows and macOS overwrite",
    ),
    "same_stem": Kind(
        "warning", "kept", "Two file names differ by extension only", None, "datumaro; YOLO labels overwrite each other"
    ),
    "file_name_elsewhere": Kind(
        "info",
        "kept",
        "An image of another document has the same name, but for case or extension",
        None,
        "whatever puts all images in one folder: one overwrites the other",
    ),
    "image_in_other_document": Kind(
        "warning",
        "kept",
        "Image files are listed by another document too",
        None,
        "counts and training: the same image comes twice; open one of the documents alone",
    ),
    "missing_size": Kind(
        "error", "kept", "An image has no width or height", "taken from the image, where it is there", "almost all"
    ),
    "bad_size": Kind(
        "error", "kept", "A width or height is no size", "taken from the image, where it is there", "almost all"
    ),
    "number_type": Kind(
        "error",
        "fixed",
        "A number is written as text, or a whole number as 1.0",
        "it is written as a number",
        "pycocotools, torchvision: TypeError",
    ),
}

_CATEGORIES = {
    "empty_category_name": Kind("warning", "kept", "A category has no name", None, "ultralytics, VOC readers"),
    "category_name_not_text": Kind(
        "warning", "fixed", "A category's name is a number", "it is written as text", "supervision, VOC writers"
    ),
    "same_category_name": Kind(
        "error",
        "fixed",
        "Two category ids have one name and supercategory",
        "the first id is used for both",
        "supervision, datumaro",
    ),
    "same_name_other_supercategory": Kind(
        "warning", "kept", "Two categories differ by supercategory only", None, "supervision, datumaro, ultralytics"
    ),
    "category_conflict": Kind(
        "warning", "kept", "Categories of one name have other keypoints", None, "COCOeval for keypoints, ultralytics"
    ),
    "bad_category": Kind(
        "warning", "kept", "Keypoint names, skeleton or supercategory are malformed", None, "detectron2, supervision"
    ),
}

_OBJECTS = {
    "missing_area": Kind(
        "error",
        "fixed",
        "There is no area",
        "computed from the mask, the polygons or else the box",
        "COCOeval, torchvision, supervision 0.27: KeyError",
    ),
    "bad_area": Kind(
        "error",
        "fixed",
        "An area is negative or no number",
        "computed from the mask, the polygons or else the box",
        "COCOeval ignores the object",
    ),
    "area_differs": Kind(
        "warning", "kept", "An area is not that of the segmentation", None, "COCOeval by size (small, medium, large)"
    ),
    "missing_iscrowd": Kind(
        "error",
        "fixed",
        "There is no iscrowd",
        "0 is written",
        "COCOeval, torchvision, supervision: KeyError; datumaro",
    ),
    "bad_iscrowd": Kind(
        "warning", "fixed", "iscrowd is neither 0 nor 1", "true and false become 1 and 0", "datumaro, COCOeval"
    ),
    "crowd_single_object": Kind(
        "warning", "kept", "iscrowd is 1 for a mask of one piece", None, "COCOeval: AP -1; converters skip it"
    ),
    "crowd_with_polygons": Kind("info", "kept", "iscrowd is 1 for polygons", None, "older supervision, datumaro"),
    "same_object_twice": Kind(
        "warning", "kept", "Two annotations are equal but for their ids", None, "COCOeval: one of them is a miss"
    ),
}

_BOXES = {
    "missing_bbox": Kind("error", "fixed", "There is no bbox", "computed from the segmentation", "almost all"),
    "bad_bbox": Kind("error", "fixed", "A bbox is not four numbers", "computed from the segmentation", "almost all"),
    "degenerate_box": Kind(
        "error",
        "fixed",
        "A bbox is not wider and higher than 0",
        "computed from the segmentation",
        "torchvision: ValueError; ultralytics, detectron2 skip it",
    ),
    "no_geometry": Kind(
        "error", "left_out", "An annotation has neither a usable bbox nor segmentation", None, "almost all"
    ),
    "box_outside": Kind("error", "kept", "A bbox lies outside of its image", None, "ultralytics drops the image"),
    "box_partly_outside": Kind(
        "warning", "kept", "A bbox goes beyond its image by more than a pixel", None, "ultralytics drops the image"
    ),
    "box_of_corners": Kind(
        "warning", "kept", "A bbox seems to be two corners, not a corner and a size", None, "COCOeval, in silence"
    ),
    "box_differs": Kind("warning", "kept", "A bbox is not that of the segmentation", None, "training, in silence"),
}

_MASKS = {
    "empty_segmentation": Kind(
        "warning", "fixed", "A segmentation is empty", "it is removed", "pycocotools' annToMask: IndexError"
    ),
    "bad_segmentation": Kind(
        "error", "reduced", "A segmentation is neither polygons nor a mask", None, "pycocotools, supervision"
    ),
    "flat_polygon": Kind(
        "error", "fixed", "A polygon is not in a list of its own", "it is put in one", "pycocotools: TypeError"
    ),
    "paired_polygon": Kind(
        "error", "fixed", "A polygon is a list of points, not of numbers", "it is flattened", "pycocotools: TypeError"
    ),
    "short_polygon": Kind(
        "error",
        "reduced",
        "A polygon has less than three points",
        "it is removed",
        "pycocotools: TypeError or a box; detectron2 drops it",
    ),
    "bad_polygon": Kind(
        "error",
        "reduced",
        "A polygon has half a point, or something else than numbers",
        None,
        "pycocotools, detectron2",
    ),
    "polygon_in_polygon": Kind(
        "warning", "kept", "A polygon lies in another: a hole would be lost", None, "pycocotools draws the union"
    ),
    "polygon_without_area": Kind("warning", "kept", "A polygon has no area", None, "pycocotools: an empty mask"),
    "polygon_outside": Kind(
        "warning", "kept", "A polygon goes beyond its image by more than a pixel", None, "ultralytics drops the image"
    ),
    "list_counts": Kind(
        "info", "fixed", "A mask's counts are a list", "written as COCO's string", "pycocotools' area and merge"
    ),
    "bytes_counts": Kind(
        "error", "fixed", "A mask's counts are Python's bytes as text", "written as COCO's string", "pycocotools"
    ),
    "bad_rle": Kind("error", "reduced", "A mask's size or counts are malformed", None, "pycocotools"),
    "rle_sum": Kind(
        "error", "reduced", "A mask's runs do not sum to height x width", None, "pycocotools: wrong pixels, or a crash"
    ),
    "rle_size_differs": Kind(
        "error", "kept", "A mask is not of its image's size", None, "COCOeval, supervision: arrays do not fit"
    ),
    "rle_size_swapped": Kind(
        "error", "kept", "A mask's height and width are swapped: row by row?", None, "COCOeval, supervision"
    ),
    "c_order_mask": Kind(
        "warning", "kept", "A mask fits its bbox only when read row by row", None, "all: the mask is garbled"
    ),
    "empty_mask": Kind("warning", "kept", "A mask has no pixel", None, "torchvision's masks_to_boxes"),
}

_KEYPOINTS = {
    "bad_keypoints": Kind(
        "error", "reduced", "Keypoints are not x, y, visibility of each", None, "COCOeval, ultralytics, detectron2"
    ),
    "keypoints_count": Kind(
        "error", "kept", "There are not as many keypoints as the category names", None, "COCOeval, ultralytics"
    ),
    "keypoints_without_names": Kind(
        "warning", "kept", "The category of an object with keypoints names none", None, "detectron2, ultralytics"
    ),
    "keypoint_visibility": Kind(
        "warning", "kept", "A keypoint's visibility is not 0, 1 or 2", None, "COCOeval, ultralytics"
    ),
    "num_keypoints": Kind(
        "error", "fixed", "num_keypoints is missing or wrong", "counted again", "COCOeval for keypoints: KeyError"
    ),
}

_FILES = {
    "image_unreadable": Kind("error", "kept", "An image cannot be read", None, "training, in the middle of an epoch"),
    "image_size_differs": Kind(
        "error", "kept", "An image's size is not the document's", None, "all: objects are in the wrong place"
    ),
    "exif_raw_size": Kind(
        "warning",
        "kept",
        "The document has the raw size, EXIF turns the image",
        None,
        "readers that apply EXIF: OpenCV, ultralytics, detectron2",
    ),
    "exif_oriented_size": Kind(
        "warning",
        "kept",
        "The document has the size after EXIF turned the image",
        None,
        "readers of raw pixels: Pillow",
    ),
    "exif_turned": Kind(
        "warning",
        "kept",
        "EXIF turns the image; its size does not tell which the document means",
        None,
        "OpenCV, Pillow",
    ),
}

CODES: dict[str, Kind] = _kinds()
"""The closed table of codes."""
