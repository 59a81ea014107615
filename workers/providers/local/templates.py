"""The fixed words of a draft, in English and Russian. A new language is one more `Words`."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Words:
    """The fixed words of the template. `{topic}` and `{term}` are the prompt's own."""

    opening: tuple[str, ...]
    facets: tuple[tuple[str, str, tuple[str, ...]], ...]
    closing: tuple[str, ...]
    gap: str
    label: str
    shorter: str


EN: Final = Words(
    opening=(
        "Draft template. Replace every line in square brackets; delete what you do not need.",
        (
            "## Opening\n\n[One sentence that says why “{topic}” matters to the reader today.]\n\n"
            "[One sentence with a fact, a number or a scene of your own.]\n\n"
            "This text looks at {terms}. By the end the reader should know: [the main point]."
        ),
    ),
    facets=(
        (
            "What “{term}” means here",
            "Start from what the reader already knows, then narrow it down.",
            (
                "How would you explain it in one sentence to a newcomer?",
                "What is often confused with it?",
                "Where does it begin and where does it end in this text?",
            ),
        ),
        (
            "“{term}”: an example",
            "One case told in full is worth more than five that are only named.",
            (
                "Who was there, what did they want, and what happened?",
                "Which detail would only a witness know?",
                "What does the case prove, and what does it not prove?",
            ),
        ),
        (
            "“{term}”: reasons and evidence",
            "Give the source of each claim next to it.",
            (
                "Which number supports this, and who counted it?",
                "What would a sceptic answer?",
                "What is known for certain, and what is only likely?",
            ),
        ),
        (
            "“{term}”: costs and risks",
            "Say the weak side before the reader finds it.",
            (
                "What can go wrong, and how often does it?",
                "Who pays, in money, time or nerves?",
                "What is the cheapest way to test it first?",
            ),
        ),
        (
            "“{term}”: what to do next",
            "End with something that can be done this week.",
            (
                "What is the first step, and how long does it take?",
                "What has to be at hand before it starts?",
                "How will the reader see that it worked?",
            ),
        ),
    ),
    closing=(
        (
            "## Closing\n\n[Come back to the opening and say in one sentence what has changed.]\n\n"
            "[One question or request to the reader.]"
        ),
        (
            "## Checklist\n\n- [ ] every bracket has been replaced\n- [ ] each claim has a source\n"
            "- [ ] the title promises what the text keeps\n- [ ] {terms} are each explained once\n"
            "- [ ] read aloud, nothing makes you stumble"
        ),
    ),
    gap="[Your answer]",
    label="Template text: an outline with questions, made from the words of the prompt; "
    "it contains no facts of its own.",
    shorter="Shorter than asked for: the template had nothing more to ask about this prompt.",
)
RU: Final = Words(
    opening=(
        "Шаблон черновика. Замените строки в квадратных скобках и удалите лишнее.",
        (
            "## Начало\n\n[Одно предложение: почему тема «{topic}» важна читателю сегодня.]\n\n"
            "[Одно предложение с фактом, числом или сценой из вашего опыта.]\n\n"
            "В тексте речь пойдёт о главном: {terms}. В конце читатель должен понять: [главная мысль]."
        ),
    ),
    facets=(
        (
            "«{term}»: что это значит здесь",
            "Начните с того, что читатель уже знает, и сузьте тему.",
            (
                "Как объяснить это новичку одним предложением?",
                "С чем это часто путают?",
                "Где границы темы в этом тексте?",
            ),
        ),
        (
            "«{term}»: пример",
            "Один случай, рассказанный до конца, сильнее пяти упомянутых.",
            (
                "Кто участвовал, чего хотел и что произошло?",
                "Какую подробность знает только очевидец?",
                "Что этот случай доказывает, а чего не доказывает?",
            ),
        ),
        (
            "«{term}»: доводы и источники",
            "Рядом с каждым утверждением укажите источник.",
            (
                "Какое число это подтверждает и кто его посчитал?",
                "Что возразит скептик?",
                "Что известно точно, а что только вероятно?",
            ),
        ),
        (
            "«{term}»: цена и риски",
            "Назовите слабую сторону раньше, чем её найдёт читатель.",
            (
                "Что может пойти не так и как часто это бывает?",
                "Кто платит деньгами, временем или нервами?",
                "Как проверить это дешевле всего?",
            ),
        ),
        (
            "«{term}»: что делать дальше",
            "Закончите тем, что можно сделать на этой неделе.",
            (
                "Какой первый шаг и сколько он займёт?",
                "Что нужно подготовить заранее?",
                "Как читатель увидит, что получилось?",
            ),
        ),
    ),
    closing=(
        (
            "## Завершение\n\n[Вернитесь к началу и скажите одним предложением, что изменилось.]\n\n"
            "[Один вопрос или просьба к читателю.]"
        ),
        (
            "## Проверка\n\n- [ ] все скобки заменены\n- [ ] у каждого утверждения есть источник\n"
            "- [ ] заголовок обещает то, что есть в тексте\n- [ ] каждое понятие объяснено один раз\n"
            "- [ ] при чтении вслух ничего не мешает"
        ),
    ),
    gap="[Ваш ответ]",
    label="Это шаблон: план с вопросами из слов запроса; собственных фактов в нём нет.",
    shorter="Короче заказанного: по этому запросу шаблону больше нечего спросить.",
)
