"""What may be said of a collection."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from imagesearch_api.models.requests.collections import CollectionBody, ReindexBody


@pytest.mark.parametrize("metric", ["L2", "IP", "cosine", ""])
def test_cosine_is_the_only_metric(metric: str) -> None:
    with pytest.raises(ValidationError, match="COSINE is the only one"):
        CollectionBody.model_validate({"name": "cats", "metric": metric})


def test_a_new_collection_is_for_vgg16_unless_another_network_is_named() -> None:
    body = CollectionBody.model_validate({"name": "cats", "preprocessing": {"trim_borders": False}})
    assert (body.network, body.preprocessing) == ("vgg16", {"trim_borders": False})
    assert CollectionBody.model_validate({"name": "cats", "network": "resnet50"}).network == "resnet50"


def test_a_reindex_leaves_what_it_does_not_name() -> None:
    body = ReindexBody.model_validate({"preprocessing": {"trim_borders": False}})
    assert body.preprocessing == {"trim_borders": False}
    assert (body.index_type, body.index_params, body.network) == (None, None, None)


@pytest.mark.parametrize(
    "options", [{"resize": "magic"}, {"resize": ["nearest"]}, {"border_tolerance": 65}, {"side": 100}, {"x": 1}]
)
def test_preprocessing_that_cannot_be_is_refused(options: dict[str, Any]) -> None:
    for model, others in ((CollectionBody, {"name": "cats"}), (ReindexBody, {})):
        with pytest.raises(ValidationError) as caught:
            model.model_validate({**others, "preprocessing": options})
        assert [error["loc"] for error in caught.value.errors()] == [("preprocessing",)]
