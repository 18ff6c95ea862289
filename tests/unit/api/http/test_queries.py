"""Examples in a form: pictures and what is indexed side by side, and which field is wrong."""

from __future__ import annotations

import io
import json
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask

from imagesearch_api.app import create_app
from imagesearch_api.http.fields import BadField, BadFields
from imagesearch_api.http.questions import NamedQuestion, read_question
from imagesearch_api.http.request_resources import KEY
from imagesearch_api.search.examples import Examples
from imagesearch_api.search.question import Window
from support.api_twin import services_of


@pytest.fixture
def app() -> Flask:
    return create_app(services_of())


def asked(app: Flask, **form: Any) -> NamedQuestion:
    with (
        ExitStack() as held,
        app.test_request_context("/search", method="POST", data=form, environ_overrides={KEY: held}),
    ):
        return read_question(10_000, 100_000)


def picture(data: bytes = b"cat") -> tuple[io.BytesIO, str]:
    return io.BytesIO(data), "a.png"


def test_a_form_holds_pictures_and_names_as_examples(app: Flask) -> None:
    described = {"positive": [{"image_id": 7, "weight": 3}], "negative": [{"key": "b"}], "negative_share": 0.5}
    question, fields = asked(
        app,
        positive=[picture(b"one"), picture(b"two")],
        positive_weight=["2", "0.5"],
        negative=picture(b"three"),
        examples=json.dumps(described),
        top_k="3",
    )
    assert [each.data or each.image_id or each.own_key for each in question.queries] == [
        b"one",
        b"two",
        7,
        b"three",
        "b",
    ]
    assert question.examples == Examples(3, (2, 0.5, 3, 1, 1), 0.5)
    assert (question.searches, question.is_batch, question.shape.window) == (1, False, Window(0, 3))
    assert [each.query for each in fields] == [
        "positive[0]",
        "positive[1]",
        "examples.positive[0].image_id",
        "negative",
        "examples.negative[0].key",
    ]


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"negative": picture}, "positive"),
        ({"positive": picture, "image": picture}, "image"),
        ({"positive": picture, "positive_weight": ["1", "2"]}, "positive_weight"),
        ({"positive": picture, "negative_weight": "1"}, "negative_weight"),
        ({"positive": picture, "positive_weight": "much"}, "positive_weight[0]"),
        ({"positive": picture, "examples": "[1]"}, "examples"),
        ({"positive": picture, "examples": '{"positive": [{}]}'}, "examples.positive[0]"),
        ({"positive": picture, "examples": json.dumps({"negative": [{"image_id": 1}] * 32})}, "positive"),
        ({"positive": picture, "explain": "regions", "top_k": "1"}, "explain"),
    ],
)
def test_the_field_of_a_form_that_is_wrong_is_named(app: Flask, form: dict[str, Any], field: str) -> None:
    made = {name: value() if callable(value) else value for name, value in form.items()}
    with pytest.raises((BadField, BadFields)) as caught:
        asked(app, **made)
    names = [caught.value.field] if isinstance(caught.value, BadField) else [n for n, _ in caught.value.fields]
    assert names == [field]
