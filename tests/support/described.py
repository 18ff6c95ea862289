"""An API that answers whatever its description says of it, with values made up from the schemas."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

Schema = dict[str, Any]


def example(schemas: dict[str, Schema], schema: Schema, name: str = "") -> Any:
    """Return a value that a schema describes, with every field; what may be null is not."""
    match schema:
        case {"$ref": reference}:
            return example(schemas, schemas[reference.rpartition("/")[2]], name)
        case {"anyOf": [first, *_]}:
            return example(schemas, first, name)
        case {"type": "object"}:
            properties = schema.get("properties", {"any": {"type": "number"}})
            return {key: example(schemas, value, key) for key, value in properties.items()}
        case {"type": "array", "items": items}:
            return [example(schemas, items, name)]
        case {"enum": [first, *_]}:
            return first
        case {"type": [first, *_]}:
            return example(schemas, {**schema, "type": first}, name)
    times = {"date-time": "2025-05-01T10:00:00+00:00"}
    text = times.get(schema.get("format", ""), f"the {name}")
    plain = {"string": text, "integer": schema.get("minimum", 0) + len(name), "number": 0.25, "boolean": True}
    return plain[schema["type"]]


class DescribedApi:
    """Answer each request by the operation that an OpenAPI document has for it, and remember both."""

    def __init__(self, described: dict[str, Any]) -> None:
        self.requests: list[httpx.Request] = []
        self.asked: list[str] = []
        """Method and path of the operations, as the document writes them."""
        self._schemas: dict[str, Schema] = described["components"]["schemas"]
        self.operations: dict[str, Any] = {
            f"{method.upper()} {path}": operation
            for path, operations in described["paths"].items()
            for method, operation in operations.items()
        }

    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        request.read()
        name = self._operation_of(f"{request.method} {request.url.raw_path.decode().partition('?')[0]}")
        self.requests.append(request)
        self.asked.append(name)
        status, answer = next(
            (int(status), answer)
            for status, answer in self.operations[name]["responses"].items()
            if status.startswith("2")
        )
        match answer.get("content"):
            case {"application/json": {"schema": schema}}:
                return httpx.Response(status, json=self._last(example(self._schemas, schema)))
            case {"text/event-stream": _}:
                job = json.dumps(example(self._schemas, self._schemas["Job"]))
                headers = {"Content-Type": "text/event-stream"}
                return httpx.Response(status, text=f"event: end\ndata: {job}\n\n", headers=headers)
        return httpx.Response(status, content=b"bytes")

    def _operation_of(self, asked: str) -> str:
        """Return the operation with the fewest parameters that a request may be for."""
        fitting = [name for name in self.operations if re.fullmatch(re.sub(r"{\w+}", "[^/]+", name), asked)]
        assert fitting, f"{asked} is not described"
        return min(fitting, key=lambda name: name.count("{"))

    def _last(self, answer: Any) -> Any:
        """Return an answer after which there is nothing more."""
        return {**answer, "next": None} if isinstance(answer, dict) and "next" in answer else answer
