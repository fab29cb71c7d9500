"""The one door every call comes through: who is it, may it, and what may leave as an error.

Handlers never see gRPC's context, only the Caller that was judged here, from the certificate of
the connection, for each call anew: a certificate that is not pinned any more is refused on a
connection that is still open. An exception's text stays here; a client gets an id to ask about.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
import functools
import logging
import secrets
import time
from typing import Any, NoReturn, TypeAlias

from google.protobuf import message
import grpc
from grpc import aio

from offctl import certificates, errors
from offctl.messages import Message
from offctl_coordinator import callers
from offctl_coordinator.callers import AllowList, Caller
from offctl_coordinator.calls import Call, Counting, Uncounted
from offctl_coordinator.floods import Floods
from offctl_coordinator.front import Front
from offctl_coordinator.limits import Limits, TooManyCallsError

MAX_TEXT = 1000

logger = logging.getLogger(__name__)

_Context: TypeAlias = "aio.ServicerContext[Any, Any]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Found: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"
_Requests: TypeAlias = AsyncIterator[object]
_Single: TypeAlias = Callable[[Any, Caller], Awaitable[object]]
_Stream: TypeAlias = Callable[[Any, Caller], AsyncIterator[object]]


class SlowError(errors.OffctlError):
    """A caller did not send what it began."""

    code = "SLOW"


class NoSuchMethodError(errors.OffctlError):
    """No service has this method."""

    code = "UNIMPLEMENTED"


@dataclass(frozen=True, slots=True)
class Guards:
    """What keeps one caller from being felt by the others."""

    limits: Limits
    floods: Floods
    front: Front


class Door(aio.ServerInterceptor):
    """Wraps every method; `allowed` gives the allow list of this moment.

    A call that is answered once is given up after `seconds`; `counting` hears how each went. To
    gRPC every call is one that sends many messages: of one that sends a single message it would say
    nothing until that is there, and nobody would count the calls that never get that far.
    """

    def __init__(
        self,
        allowed: Callable[[], AllowList],
        guards: Guards,
        seconds: float,
        counting: Counting | None = None,
    ) -> None:
        self._allowed = allowed
        self._guards = guards
        self._seconds = seconds
        self._counting = counting or Uncounted()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Found]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        """Replace the handler by one that identifies the caller first.

        A method that no service has comes as None.
        """
        handler = await continuation(handler_call_details)
        method = str(handler_call_details.method)
        if handler is None:
            return grpc.stream_unary_rpc_method_handler(self._guard_nothing(method))
        return self._wrapped(method, handler)

    def _wrapped(self, method: str, handler: _Handler) -> _Handler:
        # gRPC names the four kinds of method alike in both places: unary_unary, stream_unary, ...
        words = ("unary", "stream")
        answers = words[handler.response_streaming]
        guard = self._guard_stream if handler.response_streaming else self._guard_single
        asked = _all if handler.request_streaming else _only
        inner = getattr(handler, f"{words[handler.request_streaming]}_{answers}")
        wrapped: _Handler = getattr(grpc, f"stream_{answers}_rpc_method_handler")(
            guard(method, inner, asked),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
        return wrapped

    def _guard_nothing(self, method: str) -> Callable[[_Requests, _Context], Awaitable[object]]:
        async def guarded(requests: _Requests, context: _Context) -> object:
            del requests
            with self._call(method) as call:
                try:
                    self._enter(context)
                    raise NoSuchMethodError("there is no such method")
                except Exception as error:  # noqa: BLE001
                    await self._refuse(call, context, error)

        return guarded

    def _guard_single(
        self, method: str, inner: _Single, asked: "_Asked"
    ) -> Callable[[_Requests, _Context], Awaitable[object]]:
        async def guarded(requests: _Requests, context: _Context) -> object:
            with self._call(method) as call:
                try:
                    caller = self._identify(method, self._enter(context))
                    with self._guards.limits.taken(caller):
                        async with asyncio.timeout(self._seconds):
                            return await inner(await asked(requests), caller)
                except Exception as error:  # noqa: BLE001 - the door is where they all end
                    await self._refuse(call, context, error)

        return guarded

    def _guard_stream(
        self, method: str, inner: _Stream, asked: "_Asked"
    ) -> Callable[[_Requests, _Context], AsyncIterator[object]]:
        async def guarded(requests: _Requests, context: _Context) -> AsyncIterator[object]:
            with self._call(method, stream=True) as call:
                try:
                    certificate = self._enter(context)
                    caller = self._identify(method, certificate)
                    with self._guards.limits.taken(caller):
                        async with asyncio.timeout(self._seconds):
                            request = await asked(requests)
                        async for response in inner(request, caller):
                            # The caller may have been removed while it was waiting.
                            self._identify(method, certificate)
                            yield response
                except Exception as error:  # noqa: BLE001
                    await self._refuse(call, context, error)

        return guarded

    def _enter(self, context: _Context) -> str:
        """Count the call; the fingerprint of its certificate. Hangs up on a flood."""
        found = tuple(context.auth_context().get("x509_pem_cert", ()))
        if len(found) != 1:
            raise callers.UnknownCallerError("a client certificate is needed")
        try:
            fingerprint = _fingerprint(found[0])
        except errors.MalformedError as error:
            raise callers.UnknownCallerError(str(error)) from error
        peer = str(context.peer())
        if self._guards.floods.begun(fingerprint, self._guards.front.who(peer)):
            self._guards.front.hang_up(peer)
            raise TooManyCallsError("too many calls begun")
        self._guards.front.vouch(peer, fingerprint)
        return fingerprint

    def _call(self, method: str, *, stream: bool = False) -> Call:
        return Call(method, self._counting, time.monotonic, stream=stream)

    async def _refuse(self, call: Call, context: _Context, error: Exception) -> NoReturn:
        code, text = _answer(call.method, self._guards.front.who(str(context.peer())), error)
        call.code = code.name
        await context.abort(code, text)

    def _identify(self, method: str, fingerprint: str) -> Caller:
        return self._allowed().identify(fingerprint, method)


# Once for each connection would do; gRPC hands out the text of the certificate with every call.
_fingerprint = functools.lru_cache(maxsize=1024)(certificates.fingerprint)

_Asked: TypeAlias = Callable[[_Requests], Awaitable[object]]


async def _only(requests: _Requests) -> object:
    """The message of a call that sends one."""
    async for request in requests:
        return request
    raise errors.MalformedError("cannot answer: the call ended before it asked for anything")


async def _all(requests: _Requests) -> object:
    return requests


def _answer(method: str, who: str, error: Exception) -> tuple[grpc.StatusCode, str]:
    match error:
        case aio.AbortError() | aio.BaseError():
            raise error
        case callers.UnknownCallerError():
            code = grpc.StatusCode.UNAUTHENTICATED
        case callers.ForbiddenError():
            code = grpc.StatusCode.PERMISSION_DENIED
        case TooManyCallsError():
            # Not logged: whoever floods us must not flood the log.
            return grpc.StatusCode.RESOURCE_EXHAUSTED, f"{error.code}: {error}"
        case TimeoutError():
            code, error = grpc.StatusCode.DEADLINE_EXCEEDED, SlowError("the call took too long")
        case errors.NotFoundError():
            code = grpc.StatusCode.NOT_FOUND
        case errors.RefusedError():
            code = grpc.StatusCode.FAILED_PRECONDITION
        case errors.MalformedError(code="TOO_LARGE"):
            code = grpc.StatusCode.RESOURCE_EXHAUSTED
        case errors.MalformedError():
            code = grpc.StatusCode.INVALID_ARGUMENT
        case message.DecodeError():
            code = grpc.StatusCode.INVALID_ARGUMENT
            error = errors.MalformedError("cannot read the request: it is no message of this kind")
        case NoSuchMethodError():
            return grpc.StatusCode.UNIMPLEMENTED, str(error)
        case _:
            return _ours(method, who, error)
    # It may quote what the caller sent, of any length; a client gets it in the trailers.
    text = f"{error.code}: {error}"[:MAX_TEXT]
    logger.info("%s by %s refused: %s", method, who, text)
    return code, text


def _ours(method: str, who: str, error: Exception) -> tuple[grpc.StatusCode, str]:
    if isinstance(error, errors.UnreachableError):
        # Not logged for each call: whoever listens to the database says so, now and then.
        return grpc.StatusCode.UNAVAILABLE, f"{error.code}: the database does not answer"
    number = secrets.token_hex(4)
    mistake = Message.MISTAKE.fields()
    logger.error("error %s in %s by %s", number, method, who, exc_info=error, extra=mistake)
    text = f"INTERNAL: the coordinator made a mistake; its log has more under error {number}"
    return grpc.StatusCode.INTERNAL, text
