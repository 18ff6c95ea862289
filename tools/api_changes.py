"""Find what breaks callers between two descriptions of the API, as OpenAPI documents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
Schema = Mapping[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")


def breaking(old: Document, new: Document) -> list[str]:
    """Return what callers of the old one could do, or rely on, and cannot in the new one.

    What is sent may not be narrowed: no field goes, none becomes required, no value is refused. What is answered
    may not be widened: no field goes or becomes null or of another type. New fields and routes break nothing.
    """
    return sorted(set(_of_routes(old, new)))


def _of_routes(old: Document, new: Document) -> Iterator[str]:
    for path, methods in old["paths"].items():
        for method in METHODS:
            if method not in methods:
                continue
            name = f"{method.upper()} {path}"
            now = new["paths"].get(path, {}).get(method)
            if now is None:
                yield f"{name} is gone"
                continue
            yield from _of_parameters(name, methods[method], now)
            for kind, sent in _contents(methods[method].get("requestBody")):
                found = dict(_contents(now.get("requestBody"))).get(kind)
                if found is None:
                    yield f"{name} takes no {kind}"
                else:
                    yield from _Pair(old, new, is_sent=True).differences(name, sent, found)
            for status, answer in methods[method]["responses"].items():
                if status.startswith("2"):
                    yield from _of_answer(old, new, f"{name} {status}", answer, now["responses"].get(status))


def _of_parameters(name: str, old: Schema, new: Schema) -> Iterator[str]:
    before = {(one["in"], one["name"]): one for one in old.get("parameters", [])}
    after = {(one["in"], one["name"]): one for one in new.get("parameters", [])}
    for key in before.keys() - after.keys():
        yield f"{name}: the parameter {key[1]} is gone"
    for key, one in after.items():
        if one.get("required") and not before.get(key, {}).get("required"):
            yield f"{name}: the parameter {key[1]} is required"


def _of_answer(old: Document, new: Document, name: str, before: Schema, after: Schema | None) -> Iterator[str]:
    if after is None:
        yield f"{name} is gone"
        return
    found = dict(_contents(after))
    for kind, schema in _contents(before):
        if kind not in found:
            yield f"{name} answers no {kind}"
        else:
            yield from _Pair(old, new, is_sent=False).differences(name, schema, found[kind])


def _contents(body: Schema | None) -> Iterator[tuple[str, Schema]]:
    for kind, content in (body or {}).get("content", {}).items():
        yield kind, content.get("schema", {})


class _Pair:
    """Compare schemas of two documents, each within its own."""

    def __init__(self, old: Document, new: Document, *, is_sent: bool) -> None:
        self._old, self._new, self._is_sent = old, new, is_sent
        self._seen: set[str] = set()

    def differences(self, name: str, old: Schema, new: Schema) -> Iterator[str]:
        """Yield what breaks callers between two schemas of the same value, and within it."""
        if "$ref" in old:
            if old["$ref"] in self._seen:
                return
            self._seen.add(old["$ref"])
        yield from self._of_types(name, _types(self._old, old), _types(self._new, new))
        before, after = _single(self._old, old), _single(self._new, new)
        if self._is_sent and "enum" in after and (gone := set(before.get("enum", ())) - set(after["enum"])):
            yield f"{name} is no longer one of {', '.join(sorted(map(str, gone)))}"
        yield from self._of_fields(name, before, after)
        if "items" in before and "items" in after:
            yield from self.differences(f"{name}[]", before["items"], after["items"])
        # Of several things that it may be, those that are named alike are the same.
        known = {one.get("$ref") for one in after.get("anyOf", ())}
        for one in before.get("anyOf", ()):
            if "$ref" in one and one["$ref"] in known:
                yield from self.differences(name, one, one)

    def _of_types(self, name: str, before: set[str], after: set[str]) -> Iterator[str]:
        wide, narrow = (before, after) if self._is_sent else (after, before)
        # Where nothing is said of types, all are allowed; a number may be a whole one.
        if narrow and (gone := wide - narrow - ({"integer"} if "number" in narrow else set())):
            yield f"{name} {'is no longer' if self._is_sent else 'may be'} {', '.join(sorted(gone))}"

    def _of_fields(self, name: str, before: Schema, after: Schema) -> Iterator[str]:
        fields, found = before.get("properties", {}), after.get("properties", {})
        for field, schema in fields.items():
            if field in found:
                yield from self.differences(f"{name} {field}", schema, found[field])
            else:
                yield f"{name} {field} is gone"
        required_before, required_after = set(before.get("required", ())), set(after.get("required", ()))
        if self._is_sent:
            yield from (f"{name} {field} is required" for field in required_after - required_before)
        else:
            yield from (
                f"{name} {field} may be left out" for field in (required_before - required_after) & found.keys()
            )


def _resolved(document: Document, schema: Schema) -> Schema:
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _single(document: Document, schema: Schema) -> Schema:
    """Return the one thing that a value is where it is not null; the schema itself where it may be several."""
    schema = _resolved(document, schema)
    others = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    return _single(document, others[0]) if len(others) == 1 else schema


def _types(document: Document, schema: Schema) -> set[str]:
    """Return the types that a schema lets a value have; none where it says nothing of them."""
    schema = _resolved(document, schema)
    if "anyOf" in schema:
        return {found for one in schema["anyOf"] for found in _types(document, one)}
    named = schema.get("type", [])
    return {named} if isinstance(named, str) else set(named)
