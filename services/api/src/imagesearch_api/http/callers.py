"""Say who may use a route, and who calls: judged before anything of a request is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from flask import Flask, current_app, g, request
from flask.typing import ResponseReturnValue

from imagesearch.access.scopes import Scope
from imagesearch.access.tenants import Owner, Tenancy
from imagesearch.errors import Forbidden, ImageSearchError, StoreUnavailable
from imagesearch_api.access import Caller
from imagesearch_api.errors import Busy, NotAuthenticated
from imagesearch_api.http.credentials import NEEDED, identify

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]
AnyView = TypeVar("AnyView", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Policy:
    """Say who may use a route.

    Attributes:
        scope: what a key has to allow; None where no key is needed.
        link: the kind of links that may stand in for a key.
        is_counted: a key may be used here so many times a minute, and no more.
    """

    scope: Scope | None
    link: str | None = None
    is_counted: bool = True


def judge_callers(app: Flask) -> None:
    """Have it found out, before any view of an application, who sent a request to a route that needs a key."""

    def judge() -> None:
        policy = current_policy()
        if policy is not None:
            g.identity = _identity(policy.link)

    app.before_request(judge)


def _identity(link: str | None) -> Caller | ImageSearchError:
    try:
        return identify(link)
    except (NotAuthenticated, Forbidden, StoreUnavailable, Busy) as error:
        return error


def current_policy() -> Policy | None:
    """Return who may use the route of the current request; None where it leads to none, or to everybody's."""
    found: Policy | None = getattr(current_app.view_functions.get(request.endpoint or ""), "policy", None)
    return found if found is not None and found.scope is not None else None


def identity() -> Caller | ImageSearchError | None:
    """Return who sent the current request, or why that cannot be said; None where nobody asks."""
    found: Caller | ImageSearchError | None = g.get("identity")
    return found


def caller() -> Caller:
    """Return who sent the current request, to a route that asked."""
    found: Caller = g.caller
    return found


def owner() -> Owner:
    """Return under which key the current request is answered, and what that is bound to."""
    return caller().owner


def tenancy() -> Tenancy:
    """Return what the key of the current request is bound to."""
    return caller().owner.tenancy


def needs(
    scope: Scope,
    *,
    link: str | None = None,
    undecided: Callable[[], ResponseReturnValue] | None = None,
    is_counted: bool = True,
) -> Callable[[View[P]], View[P]]:
    """Make a view answer only to keys that allow as much, before it takes a place or reads anything.

    Args:
        scope: what the key has to allow.
        link: signed links of this kind will do as well.
        undecided: answers where nobody can say now whether the key holds; None is 503.
        is_counted: a key may be used here so many times a minute, and no more.

    The view raises `NotAuthenticated` where there is no key that holds, and `Forbidden` where it allows less.
    """

    def decorate(view: View[P]) -> View[P]:
        @wraps(view)
        def enter(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            found = identity()
            if undecided is not None and isinstance(found, StoreUnavailable | Busy):
                return undecided()
            if not isinstance(found, Caller):
                raise found or NotAuthenticated(NEEDED)
            if not found.scope.covers(scope):
                raise Forbidden(f"The API key has the scope {found.scope.value}; this needs {scope.value}.")
            g.caller = found
            return view(*args, **kwargs)

        enter.policy = Policy(scope, link, is_counted)  # type: ignore[attr-defined]
        return enter

    return decorate


def public(view: AnyView) -> AnyView:
    """Say of a view that it answers to everybody."""
    view.policy = Policy(None)  # type: ignore[attr-defined]
    return view


def policy_of(view: Callable[..., object]) -> Policy:
    """Return who may use a view.

    Raises:
        LookupError: it does not say.
    """
    found: Policy | None = getattr(view, "policy", None)
    if found is None:
        raise LookupError(f"{view.__name__} does not say who may use it")
    return found
