"""How the Bot API says no: a status, a sentence that bots know by heart, sometimes parameters."""

from typing import Any, Final

PREFIXES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    500: "Internal Server Error",
}


class BotApiRefusal(Exception):
    """`description` goes out as it is; `parameters` are those of ResponseParameters."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.parameters = parameters

    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "ok": False,
            "error_code": self.status,
            "description": self.description,
        }
        return body | {"parameters": self.parameters} if self.parameters else body


def bad_request(what: str) -> BotApiRefusal:
    return BotApiRefusal(400, f"Bad Request: {what}")


def forbidden(what: str) -> BotApiRefusal:
    return BotApiRefusal(403, f"Forbidden: {what}")


def too_many(retry_after_s: int) -> BotApiRefusal:
    """429, with the seconds to wait in both places where the real server tells them."""
    return BotApiRefusal(
        429, f"Too Many Requests: retry after {retry_after_s}", retry_after=retry_after_s
    )
