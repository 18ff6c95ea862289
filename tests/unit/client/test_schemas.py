"""What the API's schemas say of its answers is what the client's classes read: field by field, and no less."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from imagesearch_client import ApiError, Client
from imagesearch_client.answers import Alias, Collection, Deletion, Image, ShownImage, WrittenImage
from imagesearch_client.callbacks import Callback, CallbackAttempt
from imagesearch_client.duplicates import Comparison, Duplicate, DuplicateGroup
from imagesearch_client.errors import ProtocolError
from imagesearch_client.explanations import Heat, Regions
from imagesearch_client.exports import Export, ExportPart
from imagesearch_client.facets import Facet, Facets, FacetValue
from imagesearch_client.jobs import Job, JobFailure
from imagesearch_client.keys import ApiKey
from imagesearch_client.quotas import Quota
from imagesearch_client.results import Embeddings, Result, SearchResult
from imagesearch_client.system import Diagnosis, Finding, Info, Reconciliation, Report
from support.described import Schema, example

Parse = Callable[[object], Any]

TEXT: Schema = {"type": "string"}
NULL: Schema = {"type": "null"}

CLASSES: dict[str, Parse] = {
    "Alias": Alias.parse,
    "ApiKey": ApiKey.parse,
    "Callback": Callback.parse,
    "CallbackAttempt": CallbackAttempt.parse,
    "Collection": Collection.parse,
    "Comparison": Comparison.parse,
    "Deletion": Deletion.parse,
    "Diagnosis": Diagnosis.parse,
    "Duplicate": Duplicate.parse,
    "DuplicateGroup": DuplicateGroup.parse,
    "Embeddings": Embeddings.parse,
    "Export": Export.parse,
    "ExportPart": ExportPart.parse,
    "Facet": Facet.parse,
    "FacetValue": FacetValue.parse,
    "Facets": Facets.parse,
    "Failure": JobFailure.parse,
    "Finding": Finding.parse,
    "Heat": Heat.parse,
    "Image": Image.parse,
    "Info": Info.parse,
    "Job": Job.parse,
    "NewApiKey": ApiKey.parse_new,
    "Quota": Quota.parse,
    "Reconciliation": Reconciliation.parse,
    "Regions": Regions.parse,
    "Report": Report.parse,
    "Result": Result.parse,
    "Results": SearchResult.parse,
    "ShownImage": ShownImage.parse,
    "WrittenImage": WrittenImage.parse,
}
"""What the client makes of each schema."""

ELSEWHERE = {
    "Band": "a word",
    "BandLimits": "a part of Collection",
    "BatchResults": "the client's search of several pictures reads each of its queries as Results",
    "CallbackState": "a word",
    "Directories": "for people who choose a directory on a page",
    "Directory": "a part of Directories",
    "FailureCode": "a word",
    "FieldError": "a part of Problem",
    "ConflictCode": "a word",
    "JobKind": "a word",
    "ProblemCode": "a word",
    "Partition": "for people who choose one on a page",
    "JobState": "a word",
    "Matches": "a part of BatchResults",
    "Network": "a part of Info, of which only fingerprints are read",
    "Pipeline": "a part of Network",
    "Preset": "a word",
    "Problem": "an error, see below",
    "RefusalCode": "a word",
    "Resource": "a word",
    "SearchPlan": "a part of Results that is kept as it is",
    "StoreLook": "a part of SearchPlan",
    "Session": "for pages, which log in by a cookie",
    "UsedQuota": "a part of Problem",
    "Work": "for autoscalers, which read it as it is",
    "Worker": "a part of Info that is kept as it is",
}
UNREAD = {
    "Alias": {"created_at"},
    "Collection": {"metric"},
    "Comparison": {"took_ms"},
    "Image": {"created_at"},
    "ShownImage": {"created_at"},
    "Info": {
        "collections",
        "max_upload_bytes",
        "preprocessing_version",
        "searches_by_url",
        "takes_uploads",
        "workers",
    },
    "WrittenImage": {"created_at"},
}
"""Fields that the client leaves alone; `Info` keeps them as they are."""


class Watched(dict[str, Any]):
    """A JSON object that remembers what it was asked for."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> Any:
        self.asked.add(name)
        return super().__getitem__(name)

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(name)
        return super().get(name, default)


@pytest.fixture(scope="module")
def schemas(described: dict[str, Any]) -> dict[str, Schema]:
    found: dict[str, Schema] = described["components"]["schemas"]
    return found


def answered(described: dict[str, Any]) -> set[str]:
    """Return the names of what is answered, without bodies and pages."""
    schemas = described["components"]["schemas"]
    waiting = [
        response["content"]
        for path in described["paths"].values()
        for operation in path.values()
        for response in operation["responses"].values()
        if "content" in response
    ]
    found: set[str] = set()
    while waiting:
        for name in set(references(waiting.pop())) - found:
            found.add(name)
            waiting.append(schemas[name])
    return {name for name in found if not name.endswith("Page")}


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value.rpartition("/")[2]
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def takes_null(schema: Schema) -> bool:
    return NULL in schema.get("anyOf", [])


def test_every_answer_has_its_class(described: dict[str, Any]) -> None:
    assert answered(described) == {*CLASSES, *ELSEWHERE}


@pytest.mark.parametrize("name", CLASSES)
def test_the_client_reads_the_fields_that_the_schema_names(schemas: dict[str, Schema], name: str) -> None:
    answer = Watched(example(schemas, {"$ref": name}))
    CLASSES[name](answer)
    assert answer.asked == set(schemas[name]["properties"]) - UNREAD.get(name, set())


@pytest.mark.parametrize("name", CLASSES)
def test_what_may_be_missing_or_null_need_not_be_there(schemas: dict[str, Schema], name: str) -> None:
    full, properties = example(schemas, {"$ref": name}), schemas[name]["properties"]
    required = schemas[name].get("required", [])
    least = {key: None if takes_null(properties[key]) else full[key] for key in required}
    assert type(CLASSES[name](least)) is type(CLASSES[name](full))


@pytest.mark.parametrize("name", CLASSES)
def test_the_client_insists_on_nothing_that_the_api_may_leave_out(schemas: dict[str, Schema], name: str) -> None:
    full = example(schemas, {"$ref": name})
    insisted = set()
    for key in full:
        try:
            CLASSES[name]({other: value for other, value in full.items() if other != key})
        except ProtocolError:
            insisted.add(key)
    assert insisted
    assert insisted <= set(schemas[name].get("required", []))


def test_a_page_is_read_to_its_end(schemas: dict[str, Schema]) -> None:
    pages = {name: schema for name, schema in schemas.items() if name.endswith("Page")}
    more = {"DuplicateGroupPage": {"max_distance", "untrained"}}
    for name, schema in pages.items():
        assert set(schema["required"]) == {"items", "next"} | more.get(name, set())
    first = example(schemas, schemas["AliasPage"])
    answers = iter([first, {**first, "next": None}])
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json=next(answers)))
    with Client("http://api.test", transport=transport) as client:
        assert len(list(client.aliases())) == 2


def test_a_problem_is_raised_with_all_that_it_says(schemas: dict[str, Schema]) -> None:
    problem = {**example(schemas, schemas["Problem"]), "status": 400}
    transport = httpx.MockTransport(lambda _: httpx.Response(400, json=problem))
    with Client("http://api.test", transport=transport) as client, pytest.raises(ApiError) as caught:
        client.job("any")
    raised = caught.value
    assert (raised.status, raised.title, raised.detail) == (400, problem["title"], problem["detail"])
    assert [dataclasses.asdict(error) for error in raised.errors] == problem["errors"]


@pytest.mark.parametrize(
    ("change", "test"),
    [
        ({"colour": TEXT}, test_the_client_reads_the_fields_that_the_schema_names),
        ({"state": None}, test_the_client_reads_the_fields_that_the_schema_names),
        (
            {"state": {"anyOf": [TEXT, NULL]}},
            test_what_may_be_missing_or_null_need_not_be_there,
        ),
    ],
)
def test_a_schema_that_moves_away_is_noticed(
    schemas: dict[str, Schema], change: dict[str, Any], test: Callable[[dict[str, Schema], str], None]
) -> None:
    job = schemas["Job"]
    changed = {key: value for key, value in {**job["properties"], **change}.items() if value is not None}
    required = [key for key in job["required"] if key in changed]
    with pytest.raises((AssertionError, ProtocolError)):
        test({**schemas, "Job": {**job, "properties": changed, "required": required}}, "Job")
