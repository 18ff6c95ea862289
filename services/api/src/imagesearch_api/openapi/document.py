"""Assemble the document from the routes, their views' docstrings, and what the views say of themselves."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

import imagesearch
from imagesearch_api.http.admission import lane_of
from imagesearch_api.http.callers import Policy, policy_of
from imagesearch_api.http.credentials import COOKIE
from imagesearch_api.http.foreign import SAFE_METHODS
from imagesearch_api.models.responses.base import Answer
from imagesearch_api.models.responses.problems import Problem
from imagesearch_api.openapi.operation import FILE, Answered, Operation, operation_of
from imagesearch_api.openapi.parameters import TAGGED
from imagesearch_api.openapi.schemas import Schema, ref, schemas_of
from imagesearch_api.openapi.tags import View, tag_of, tags_of

BLUEPRINT = "v2."
SECURITY: Schema = {
    "key": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key: Authorization: Bearer imagesearch_...",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": COOKIE,
        "description": "The session of a page, which it began with a key.",
    },
    "link": {
        "type": "apiKey",
        "in": "query",
        "name": "signature",
        "description": "Part of the URLs of pictures that answers hold; they expire.",
    },
}
"""None of it is asked for where API keys are switched off."""
_PARAMETER = re.compile(r"<(int:)?(\w+)>")
_REFERENCE = re.compile(r'"#/components/schemas/([^"]+)"')


def document(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI document of /api/v2."""
    paths: dict[str, dict[str, Any]] = {}
    operations: list[Operation] = []
    views: list[View] = []
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        if rule.endpoint.startswith(BLUEPRINT):
            operation = operation_of(app.view_functions[rule.endpoint])
            operations.append(operation)
            views.append(app.view_functions[rule.endpoint])
            path = paths.setdefault(_path(rule), {})
            for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
                path[method.lower()] = _operation(app, rule, method, operation)
    bodies = [operation.json for operation in operations if operation.json is not None]
    answers = [model for operation in operations for model in operation.models()]
    schemas = schemas_of(bodies, [Problem, *answers])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Image search",
            "version": imagesearch.__version__,
            "description": "Index very large picture libraries and ask what looks like what. "
            "Errors are RFC 9457 problem details.",
        },
        "tags": tags_of(views),
        "paths": paths,
        "components": {"securitySchemes": SECURITY, "schemas": _used(schemas, json.dumps(paths))},
    }


def _used(schemas: dict[str, Schema], text: str) -> dict[str, Schema]:
    """Return the schemas that a text refers to, directly or through others.

    Pydantic describes what a field becomes, too, where only what it is read from concerns the caller.
    """
    used: dict[str, Schema] = {}
    waiting = [text]
    while waiting:
        for name in _REFERENCE.findall(waiting.pop()):
            if name not in used:
                used[name] = schemas[name]
                waiting.append(json.dumps(schemas[name]))
    return dict(sorted(used.items()))


def _path(rule: Rule) -> str:
    return _PARAMETER.sub(r"{\2}", rule.rule)


def _operation(app: Flask, rule: Rule, method: str, operation: Operation) -> dict[str, Any]:
    summary = (app.view_functions[rule.endpoint].__doc__ or "").strip().partition("\n")[0]
    described: dict[str, Any] = {
        "operationId": rule.endpoint.removeprefix(BLUEPRINT),
        "summary": summary,
        "tags": [tag_of(app.view_functions[rule.endpoint])],
    }
    in_path = [_in_path(*found) for found in _PARAMETER.findall(rule.rule)]
    parameters = [*in_path, *operation.parameters]
    if parameters:
        described["parameters"] = parameters
    content: dict[str, Any] = {}
    if operation.json is not None:
        content["application/json"] = {"schema": ref(operation.json)}
    if operation.form is not None:
        content["multipart/form-data"] = {"schema": operation.form}
    if content:
        described["requestBody"] = {"required": True, "content": content}
    described |= _security(policy_of(app.view_functions[rule.endpoint]))
    described["responses"] = {
        **{str(status): _answer(status, answered, operation) for status, answered in operation.answers.items()},
        **{str(status): _problem(status) for status in sorted(_errors(app, rule, method, operation))},
    }
    return described


def _security(policy: Policy) -> Schema:
    if policy.scope is None:
        return {"security": []}
    schemes = ["key", "session", *(["link"] if policy.link is not None else [])]
    # What a key has to allow stands where OpenAPI 3.1 lets any scheme name the roles that it asks for.
    return {"security": [{scheme: [policy.scope.value]} for scheme in schemes]}


def _errors(app: Flask, rule: Rule, method: str, operation: Operation) -> set[int]:
    """Return the statuses of problem details: the operation's own, and what any route of its kind may answer."""
    errors: set[int] = {*operation.errors, HTTPStatus.MISDIRECTED_REQUEST, HTTPStatus.SERVICE_UNAVAILABLE}
    policy = policy_of(app.view_functions[rule.endpoint])
    if policy.scope is not None:
        errors |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
    if method not in SAFE_METHODS:
        errors.add(HTTPStatus.FORBIDDEN)
    if operation.parameters:
        errors.add(HTTPStatus.BAD_REQUEST)
    if operation.json is not None or operation.form is not None:
        errors |= {
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        }
    if lane_of(app.view_functions[rule.endpoint]) is not None:
        errors.add(HTTPStatus.TOO_MANY_REQUESTS)
    return {int(status) for status in errors}


def _in_path(kind: str, name: str) -> Schema:
    schema: Schema = {"type": "integer", "minimum": 0} if kind == "int:" else {"type": "string", "minLength": 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _answer(status: int, answered: Answered, operation: Operation) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if any(parameter["name"] in TAGGED for parameter in operation.parameters) and answered is not None:
        answer["headers"] = {
            "ETag": {"schema": {"type": "string"}, "description": "The version of what is shown."}
        }
    if answered is not None:
        described = {} if answered is FILE else {"schema": _schema(answered)}
        answer["content"] = dict.fromkeys(operation.media, described)
    return answer


def _schema(answered: type[Answer] | tuple[type[Answer], ...] | Schema) -> Schema:
    if isinstance(answered, dict):
        return answered
    return ref(answered) if isinstance(answered, type) else {"anyOf": [ref(model) for model in answered]}


def _problem(status: int) -> dict[str, Any]:
    described: dict[str, Any] = {
        "description": HTTPStatus(status).phrase,
        "content": {"application/problem+json": {"schema": ref(Problem)}},
    }
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        seconds = {"schema": {"type": "integer"}, "description": "Seconds to wait."}
        described["headers"] = {"Retry-After": seconds}
    return described
