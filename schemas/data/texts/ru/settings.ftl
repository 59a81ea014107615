### Что можно выбрать: /settings, /language, /zone и сводка за день.

settings-overview =
    <b>Настройки</b>
    Язык: { $language }
    Часы: { $zone }
    Модели: { $models }
    Стиль улучшения текстов: { $style }
    Запросы для картинок и видео: { $prompts }
    Спрашивать, если стоит: { $confirm }
    Сводка за день: { $summary }
settings-saved = Сохранено.
settings-on = включена, по утрам
settings-off = выключена

settings-to-language = Язык
settings-to-zone = Часы
settings-to-models = Модели
settings-to-style = Стиль
settings-to-prompts = Улучшать запросы
settings-to-confirm = Спрашивать
settings-to-summary = Сводка вкл/выкл

settings-ask-language = На каком языке говорить?
settings-ask-zone =
    Где вы живёте? Сейчас стоит { $zone }.
    Любое другое место: <code>/zone Europe/Samara</code>
settings-ask-style = Как улучшать тексты, если не сказано иначе?
settings-ask-prompts =
    <b>Улучшать мои запросы перед картинками и видео</b>
    Текстовая модель сначала делает из ваших слов полное описание. Вы его видите, и по нему создаётся картинка или видео. Это отдельный шаг, обычно за { amount-credits }; сколько стоят оба, сказано до начала первого. Правки картинок всегда остаются такими, как вы сказали.
settings-improve-on = улучшать запросы
settings-improve-off = брать их как написаны
settings-prompts-on = сначала улучшаются
settings-prompts-off = как вы их пишете
settings-ask-confirm = С какой цены спрашивать, прежде чем начать? Цена видна всегда.
settings-ask-modality = Модель для чего?
settings-ask-model = Модели вашего тарифа { $plan }. «По тарифу» — лучшая из тех, что стоят обычную цену.

settings-models-away = ⚠️ — модель сейчас не отвечает: выберите пока другую или «По тарифу», который сам переходит к следующей.

settings-models-text = Тексты
settings-models-image = Картинки
settings-models-video = Видео
settings-plan-model = По тарифу

settings-style-correct = только исправлять ошибки
settings-style-concise = короче
settings-style-formal = официально
settings-style-friendly = дружелюбно
settings-style-headline = с заголовком

settings-confirm-always = всегда
settings-confirm-never = никогда
settings-confirm-above = больше { amount-credits }

settings-summary =
    <b>Ваш день, { $day }</b>
    Готово: { $done }, не удалось: { $failed } (это ничего не стоит)
    Потрачено кредитов: { $spent } · сейчас можно потратить: { $left }
    Больше не нужно? /settings
