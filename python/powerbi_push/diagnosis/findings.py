"""What a token and an error mean for somebody whose rows do not arrive: facts in, checks out, nothing is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from powerbi_push.diagnosis.report import Check
from powerbi_push.exceptions import (
    AuthenticationError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ServiceError,
    TransportError,
)

if TYPE_CHECKING:
    from powerbi_push.exceptions import PowerBIPushError


class Told(TypedDict):
    """What a token tells about itself, as the core says it; times in seconds since 1970."""

    claims: dict[str, Any] | None
    astray: tuple[str, str] | None
    application: bool
    expires: int | None
    now: int


#: Scopes that let a user push. Tokens of the Azure CLI have the second.
_MAY_PUSH = {"Dataset.ReadWrite.All", "user_impersonation"}
#: Clocks differ; from here on it is a fault, in seconds.
_CLOCK_FAULT = 120
_LONGEST = 200

_CAPTIVE = (
    "a proxy or the sign-in page of a network answers in place of Power BI: open any page in a browser and sign in "
    "there, or check proxy= and base_url="
)
#: Words of a failed connection, and what to do about it; the first that is found counts.
_CONNECTIONS = (
    ("dns error", "the name cannot be found: check the network, a VPN, and the host in base_url= or authority="),
    ("Expired", "the certificate has ended, or this machine's clock is wrong: it says {now}"),
    ("NotValidYet", "the certificate is not valid yet, or this machine's clock is wrong: it says {now}"),
    ("NotValidForName", "another host answers under this name: check base_url=, authority= and the proxy"),
    (
        "invalid peer certificate",
        "nobody whom this machine trusts signed the certificate: where a proxy opens TLS, pass its root as ca_bundle=",
    ),
    ("tls handshake", "what answers does not speak TLS: check the port, proxy= and base_url="),
    ("refused", "nothing listens there: check the host and the port, and whether a firewall refuses"),
    ("within", "there is no answer: check the network, and whether a firewall swallows what it does not like"),
)


#: The code of a way that nobody has begun to use.
NOBODY = "not_signed_in"
#: What makes each way one that is to be had.
_WAYS = {
    "EnvironmentCredential": (
        "for an app with a secret or a certificate: set AZURE_TENANT_ID, AZURE_CLIENT_ID, and AZURE_CLIENT_SECRET or "
        "AZURE_CLIENT_CERTIFICATE_PATH"
    ),
    "WorkloadIdentityCredential": (
        "for an app that another provider vouches for: set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
        "AZURE_FEDERATED_TOKEN_FILE; in GitHub Actions the permission `id-token: write` stands for the last"
    ),
    "ManagedIdentityCredential": (
        "for a machine of Azure: give it an identity (Identity > System assigned > On); AZURE_CLIENT_ID names one of "
        "several"
    ),
    "powerbi-push login": "for yourself: sign in once with powerbi-push login",
    "AzureCliCredential": "for yourself: install the Azure CLI, and sign in with az login",
}


def missed_way(name: str, why: str) -> Check:
    """Say that a way of signing in is not to be had, and what would make it so."""
    return Check(name, "warning", f"it is not to be had: {why}", _WAYS[name])


def token_checks(told: Told, cloud: dict[str, str]) -> list[Check]:
    """Read what a token tells about itself; nothing of it is verified."""
    claims = told["claims"]
    if claims is None:
        message = "a token was found; it is no JSON Web Token, so that nothing can be read from it"
        return [Check("sign-in", "warning", message, "access tokens of Microsoft Entra begin with eyJ")]
    is_app = told["application"]
    checks = [Check("sign-in", "ok", who(claims, is_app=is_app)), _audience(told, claims, cloud)]
    permissions = _app_permissions(claims) if is_app else _user_permissions(claims, cloud)
    return [*checks, *([permissions] if permissions else []), _lifetime(told, claims)]


def may_list_workspaces(claims: dict[str, Any] | None) -> bool:
    """Say whether a token lets its user list workspaces, as far as it tells its scopes."""
    scopes = str((claims or {}).get("scp") or "").split()
    return not scopes or any(scope.startswith(("Workspace.", "Group.", "user_")) for scope in scopes)


def who(claims: dict[str, Any], *, is_app: bool) -> str:
    """Say in words whose token it is."""
    user, app, tenant = _user(claims), _app(claims), shown(claims.get("tid") or "")
    to_tenant = f" of the tenant `{tenant}`" if tenant else ""
    name = shown(claims.get("app_displayname") or "")
    app = f"the app `{app}`{f' ({name})' if name else ''}" if app else ""
    if is_app:
        return f"signed in as a service principal: {app or 'an app without an id'}{to_tenant}"
    if user or "scp" in claims:
        return f"signed in as the user `{user or '?'}`{to_tenant}{f', through {app}' if app else ''}"
    return f"there is a token{to_tenant}, which names neither a user nor an app"


def shown(text: object) -> str:
    """Write what others have said so that it can be shown: one line of what can be printed."""
    return "".join(sign if sign.isprintable() else " " for sign in str(text))[:_LONGEST]


def _user(claims: dict[str, Any]) -> str:
    names = ("upn", "preferred_username", "unique_name", "email", "name")
    return shown(next((claims[name] for name in names if claims.get(name)), ""))


def _app(claims: dict[str, Any]) -> str:
    return shown(claims.get("appid") or claims.get("azp") or "")


def _audience(told: Told, claims: dict[str, Any], cloud: dict[str, str]) -> Check:
    nobody = ("nobody in particular", f"ask for a token with the scope {cloud['scope']}")
    astray = told["astray"] or (None if claims.get("aud") else nobody)
    if astray is None:
        return Check("audience", "ok", f"the token is for Power BI, cloud {cloud['name']}")
    meant, advice = astray
    return Check(
        "audience", "failed", f"the token is for {meant}, not for Power BI of the cloud {cloud['name']}", advice
    )


def _app_permissions(claims: dict[str, Any]) -> Check | None:
    roles = claims.get("roles")
    if not roles:
        return None
    message = (
        f"the app has permissions of its own: {shown(roles if isinstance(roles, str) else ', '.join(map(str, roles)))}"
    )
    hint = "a service principal needs none for Power BI, and Microsoft advises against them"
    return Check("permissions", "warning", message, hint)


def _user_permissions(claims: dict[str, Any], cloud: dict[str, str]) -> Check | None:
    scopes = set(str(claims.get("scp") or "").split())
    if not scopes:
        return None
    listed = shown(", ".join(sorted(scopes)))
    if scopes & _MAY_PUSH:
        return Check("permissions", "ok", f"the token may write datasets ({listed})")
    hint = f"ask for the scope {cloud['scope'].removesuffix('.default')}Dataset.ReadWrite.All, or {cloud['scope']}"
    return Check("permissions", "failed", f"the token may not write datasets; it has {listed}", hint)


def _lifetime(told: Told, claims: dict[str, Any]) -> Check:
    now, ends = told["now"], _number(claims.get("exp"))
    begins = _number(claims.get("nbf"))
    here = f"by this machine's clock, which says {moment(now)}"
    if begins is not None and begins > now + _CLOCK_FAULT:
        message = f"the token is not valid for another {span(begins - now)} {here}"
        return Check("lifetime", "failed", message, "set the clock: it is probably slow")
    if ends is None:
        return Check("lifetime", "warning", "the token does not tell when it ends")
    if ends <= now:
        hint = "fetch a new one; a token lasts about an hour. Where it was fetched just now, the clock is wrong: set it"
        return Check("lifetime", "failed", f"the token has ended {span(now - ends)} ago {here}", hint)
    # The credential counts from its own now, Entra from its: what lies between is the fault of this clock.
    ahead = (told["expires"] or ends) - ends
    if abs(ahead) > _CLOCK_FAULT:
        message = f"this machine's clock is about {span(abs(ahead))} {'fast' if ahead > 0 else 'slow'}: {moment(now)}"
        return Check("lifetime", "warning", message, "set it, or tokens will seem to end too early or too late")
    return Check("lifetime", "ok", f"the token is valid for another {span(ends - now)}")


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def moment(seconds: int) -> str:
    """Write a time for people."""
    try:
        return f"{datetime.fromtimestamp(seconds, tz=UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return f"{seconds} s since 1970"


def span(seconds: int) -> str:
    """Write a length of time for people.

    >>> span(59), span(3_599), span(7_500), span(200_000)
    ('59 s', '59 min', '2 h 5 min', '2 days')
    """
    minutes, hours, days = seconds // 60, seconds // 3_600, seconds // 86_400
    if days > 1:
        return f"{days} days"
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds} s"


def explain(name: str, error: PowerBIPushError, told: Told | None = None) -> Check:
    """Say what an error of the network or the service means."""
    hint = _hint(error, told) or error.hint
    if isinstance(error, RateLimitedError):
        return Check(name, "warning", error.message, hint)
    return Check(name, "failed", error.message, hint)


def _hint(error: PowerBIPushError, told: Told | None) -> str | None:
    if isinstance(error, TransportError):
        now = moment(told["now"]) if told else moment(int(datetime.now(tz=UTC).timestamp()))
        found = (hint for word, hint in _CONNECTIONS if word in error.message)
        return next(found, "").format(now=now) or None
    if isinstance(error, NotFoundError) and error.status and not error.code:
        return "nothing of Power BI is there: check base_url=" if "<" in error.message else None
    if isinstance(error, AuthenticationError | PermissionDeniedError) or not isinstance(error, ServiceError):
        return None  # the error says it itself
    return _status_hint(error)


def _status_hint(error: ServiceError) -> str | None:
    match error.status:
        case 511:
            return _CAPTIVE
        case int(status) if status < 400:  # noqa: PLR2004 - what HTTP calls no error
            return _CAPTIVE
        case int(status) if status >= 500:  # noqa: PLR2004 - what HTTP calls the server's own errors
            return "the service has a fault of its own: try again in some minutes"
        case _:
            return None
