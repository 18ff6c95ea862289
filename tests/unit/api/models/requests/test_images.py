"""What a deletion of images may name."""

from __future__ import annotations

import pytest

from imagesearch_api.http.bodies import checked
from imagesearch_api.http.fields import BadFields
from imagesearch_api.limits import MAX_DIRECTORIES, MAX_IMAGES
from imagesearch_api.models.requests.images import DeletionBody

DEEPEST = "/a" * 1_198


def test_paths_of_one_deletion_name_no_more_directories_than_are_looked_at_soon() -> None:
    with pytest.raises(BadFields, match="directories") as caught:
        checked(DeletionBody, {"paths": [f"{DEEPEST}{number}" for number in range(MAX_IMAGES)]})
    assert [field for field, _ in caught.value.fields] == ["paths"]


def test_as_many_directories_as_may_be_are_taken() -> None:
    paths = ["/a" * (MAX_DIRECTORIES // MAX_IMAGES) + str(number) for number in range(MAX_IMAGES)]
    assert DeletionBody.model_validate({"paths": paths}).paths == paths
    with pytest.raises(BadFields):
        checked(DeletionBody, {"paths": [*paths[1:], "/" + paths[0]]})


def test_one_path_is_as_deep_as_any() -> None:
    assert DeletionBody.model_validate({"paths": [DEEPEST]}).paths == [DEEPEST]
