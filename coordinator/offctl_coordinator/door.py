"""The one door every call comes through: who is it, may it, and what may leave as an error.

Handlers never see gRPC's context, only the Caller that was judged here, from the certificate of
the connection, for each call anew: a certificate that is not pinned any more is refused on a
connection that is still open. An exception's text stays here; a client gets an id to ask about.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
import logging
import secrets
from typing import Any, NoReturn, TypeAlias

import grpc
from grpc import aio

from offctl import certificates, errors
from offctl_coordinator import callers
from offctl_coordinator.callers import AllowList, Caller
from offctl_coordinator.limits import Limits, TooManyCallsError

MAX_TEXT = 1000

logger = logging.getLogger(__name__)

_Context: TypeAlias = "aio.ServicerContext[Any, Any]"
_Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
_Single: TypeAlias = Callable[[Any, Caller], Awaitable[object]]
_Stream: TypeAlias = Callable[[Any, Caller], AsyncIterator[object]]


class SlowError(errors.OffctlError):
    """A caller did not send what it began."""

    code = "SLOW"


class Door(aio.ServerInterceptor):
    """Wraps every method; `allowed` gives the allow list of this moment.

    A call that is answered once is given up after `seconds`.
    """

    def __init__(self, allowed: Callable[[], AllowList], limits: Limits, seconds: float) -> None:
        self._allowed = allowed
        self._seconds = seconds
        self._limits = limits

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[_Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> _Handler:
        """Replace the handler by one that identifies the caller first.

        A method that no service has comes as None; gRPC itself then answers UNIMPLEMENTED.
        """
        handler = await continuation(handler_call_details)
        return handler and self._wrapped(str(handler_call_details.method), handler)

    def _wrapped(self, method: str, handler: _Handler) -> _Handler:
        # gRPC names the four kinds of method alike in both places: unary_unary, stream_unary, ...
        words = ("unary", "stream")
        kind = f"{words[handler.request_streaming]}_{words[handler.response_streaming]}"
        guard = self._guard_stream if handler.response_streaming else self._guard_single
        wrapped: _Handler = getattr(grpc, f"{kind}_rpc_method_handler")(
            guard(method, getattr(handler, kind)),
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )
        return wrapped

    def _guard_single(
        self, method: str, inner: _Single
    ) -> Callable[[object, _Context], Awaitable[object]]:
        async def guarded(request: object, context: _Context) -> object:
            try:
                caller = self._identify(method, context)
                with self._limits.taken(caller):
                    async with asyncio.timeout(self._seconds):
                        return await inner(request, caller)
            except Exception as error:  # noqa: BLE001 - the door is where they all end
                await _refuse(method, context, error)

        return guarded

    def _guard_stream(
        self, method: str, inner: _Stream
    ) -> Callable[[object, _Context], AsyncIterator[object]]:
        async def guarded(request: object, context: _Context) -> AsyncIterator[object]:
            try:
                caller = self._identify(method, context)
                with self._limits.taken(caller):
                    async for response in inner(request, caller):
                        # The caller may have been removed while it was waiting.
                        self._identify(method, context)
                        yield response
            except Exception as error:  # noqa: BLE001
                await _refuse(method, context, error)

        return guarded

    def _identify(self, method: str, context: _Context) -> Caller:
        found = tuple(context.auth_context().get("x509_pem_cert", ()))
        if len(found) != 1:
            raise callers.UnknownCallerError("a client certificate is needed")
        try:
            fingerprint = certificates.fingerprint(found[0])
        except errors.MalformedError as error:
            raise callers.UnknownCallerError(str(error)) from error
        return self._allowed().identify(fingerprint, method)


async def _refuse(method: str, context: _Context, error: Exception) -> NoReturn:
    code, text = _answer(method, context, error)
    await context.abort(code, text)


def _answer(method: str, context: _Context, error: Exception) -> tuple[grpc.StatusCode, str]:
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
        case _:
            return grpc.StatusCode.INTERNAL, _log_ours(method, context, error)
    # It may quote what the caller sent, of any length; a client gets it in the trailers.
    text = f"{error.code}: {error}"[:MAX_TEXT]
    logger.info("%s by %s refused: %s", method, context.peer(), text)
    return code, text


def _log_ours(method: str, context: _Context, error: Exception) -> str:
    number = secrets.token_hex(4)
    logger.error("error %s in %s by %s", number, method, context.peer(), exc_info=error)
    return f"INTERNAL: the coordinator made a mistake; its log has more under error {number}"
