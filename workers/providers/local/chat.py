"""A question in a conversation, where no model is connected: who is answering, what works, what is missing.

Nothing is made up. The answer says how an operator connects a model, by the settings that hold a key.
"""

import re
from typing import Final

from ops.base.accounts import key_setting
from schemas.catalogue import catalogue

MADE_BY: Final = "local provider (a fixed answer, not a neural model)"
_CYRILLIC: Final = re.compile(r"[\u0400-\u04ff]")
_LATIN: Final = re.compile(r"[A-Za-z]")
_EN: Final = (
    "No AI model is connected here, so I cannot answer questions or hold a conversation.\n\n"
    "What works without one, by rules and drawing programs of our own:\n"
    "- improve a text: /improve\n"
    "- draw a picture from words: /image\n"
    "- make a short film from words or a photo: /video\n"
    "- change a photo: send it and say what to change, such as “brighter” or “black and white”\n"
    "- read a PDF or a text file: send it\n\n"
    "For the operator: set one of {settings} and start again; then a model answers here."
)
_RU: Final = (
    "Здесь не подключена ни одна модель ИИ, поэтому отвечать на вопросы и вести беседу я не могу.\n\n"
    "Что работает и без неё, по правилам и нашими программами для рисования:\n"
    "- улучшить текст: /improve\n"
    "- нарисовать картинку по словам: /image\n"
    "- сделать короткий фильм по словам или фото: /video\n"
    "- изменить фото: пришлите его и скажите, что изменить, например «ярче» или «чёрно-белое»\n"
    "- прочитать PDF или текстовый файл: пришлите его\n\n"
    "Для оператора: задайте одну из настроек {settings} и запустите заново, тогда ответит модель."
)


def answer(question: str) -> str:
    """In Russian where the question is written in Cyrillic, else in English. Markdown."""
    cyrillic, latin = len(_CYRILLIC.findall(question)), len(_LATIN.findall(question))
    words = _RU if cyrillic > latin else _EN
    models = catalogue().models
    speaking = sorted({row.provider for row in models if row.serves("text") and not row.is_local})
    return words.format(settings=", ".join(f"`{key_setting(name)}`" for name in speaking))
