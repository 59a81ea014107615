"""All methods by name. Names are compared without regard to case, as the real server does."""

from ops.sandbox.telegram.methods import answers, chats, media, payments, profile, texts
from ops.sandbox.telegram.methods.method import Method

ALL = (
    *profile.METHODS,
    *texts.METHODS,
    *media.METHODS,
    *chats.METHODS,
    *payments.METHODS,
    *answers.METHODS,
)
_BY_NAME = {method.name.lower(): method for method in ALL}


def method_named(name: str) -> Method | None:
    return _BY_NAME.get(name.lower())
