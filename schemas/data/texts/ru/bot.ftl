### Что говорят боты: первые шаги, карточки, выбор. Сообщения — в HTML Telegram.

bot-ai-notice = 🤖 Вы говорите с ИИ. Тексты и картинки делает машина, и она может ошибаться.

bot-tour-one =
    👋 <b>Здравствуйте! Я помощник на основе ИИ.</b>
    Тексты и картинки делает машина, она может ошибаться: проверяйте, прежде чем полагаться.
bot-tour-two-viaizer =
    <b>Просто пришлите мне что-нибудь:</b>
    • слова: мы беседуем, и я помню сказанное (/new забывает)
    • /image и слова: картинка · /video и слова: видео
    • фото со словами: изменю его · фото без слов: выбираете вы
    • PDF или текстовый файл: читаю постранично
bot-tour-two-text-ai =
    <b>Просто пришлите мне что-нибудь:</b>
    • текст: улучшу его в выбранном стиле
    • фото: опишу и напишу о нём пост
    • затем одно нажатие — и пост в вашем канале
bot-tour-three =
    У вас <b>{ amount-credits }</b>. Цена всегда видна заранее, а неудавшаяся работа ничего не стоит.
    /balance — что у вас есть, /help — что я умею, /settings — язык.

bot-start-viaizer = 👋 С возвращением! У вас <b>{ amount-credits }</b>. Пришлите слова, фото или файл или выберите:
bot-start-text-ai = 👋 С возвращением! У вас <b>{ amount-credits }</b>. Пришлите текст или фото или выберите:

bot-help-viaizer =
    <b>Что я умею</b>
    Слова: ответ с памятью о беседе. /new начинает новую.
    /image <i>слова</i>: картинка. /video <i>слова</i>: видео, также в ответ на фото.
    Фото со словами или слова в ответ на картинку: изменю её.
    Фото без слов: описать, изменить, пост, оживить. PDF или текстовый файл: постранично.
    В группах отвечаю на команду, упоминание или ответ. В любом чате: моё имя и несколько слов.
    /cancel отменяет последнюю работу. /balance · /history · /gallery · /settings · /privacy · /paysupport
bot-help-text-ai =
    <b>Что я умею</b>
    Текст: станет лучше в выбранном стиле. /improve работает и в ответ на текст.
    Фото: описание, затем пост о нём. Фото с текстом: улучшу текст.
    /channels привязывает канал, в который вам можно публиковать.
    В группах отвечаю на команду, упоминание или ответ. В любом чате: моё имя и несколько слов.
    /cancel отменяет последнюю работу. /balance · /history · /gallery · /settings · /privacy · /paysupport

bot-new = ✨ Новая беседа. Сказанное раньше забыто.
bot-empty = Напишите словами, чего вы хотите.
bot-too-long = Для одного сообщения это слишком длинно: не больше { $limit } знаков. Ничего не списано; пришлите текстовым файлом.
bot-cannot-read = Этого я пока не читаю. Пришлите слова, фото, PDF или текстовый файл.
bot-unknown-command = Такой команды я не знаю. /help покажет, что я умею.
bot-already-done = Уже сделано.
error-already_done = Уже сделано. Нового списания нет.
error-words_not_understood = Сейчас недоступна модель, которая понимает эти слова. Кредиты вернулись; попросите «ярче», «чёрно-белое», «резче», «обрежь» или «подпись: …».
error-chat_gone = Этот чат недоступен.

bot-mode-chat = 💬 Беседуем: напишите сообщение.
bot-mode-image = 🎨 Теперь каждое сообщение станет картинкой: опишите её. /chat возвращает к беседе.
bot-mode-video = 🎬 Теперь каждое сообщение станет видео: опишите его. /chat возвращает к беседе.
bot-mode-improve = ✍️ Пришлите текст, который нужно улучшить.

bot-card =
    ⏳ <b>{ $kind }</b> · { amount-credits }
    { $state }
    { $range }
    <i>{ $rule }</i>
bot-card-queued = Принято, в очереди
bot-card-place =
    { $ahead ->
        [0] Следующее в очереди
        [one] В очереди на месте { $place }, впереди { $ahead } работа
        [few] В очереди на месте { $place }, впереди { $ahead } работы
       *[other] В очереди на месте { $place }, впереди { $ahead } работ
    }
bot-card-waiting = Ждёт, пока закончится одна из ваших работ
bot-card-unattended = В очереди (впереди { $ahead }); сейчас здесь никто не работает, начнём, как только кто-нибудь появится
bot-card-rule-text = Отмена бесплатна до начала; потом спишется только за написанное.
bot-card-rule-media = Отмена бесплатна до начала; начатое будет закончено, доставлено и списано.
bot-range-seconds = Будет готово примерно через { $low }–{ $high } с
bot-range-minutes = Будет готово примерно через { $low }–{ $high } мин

bot-cancel-cancelled = Отменено. Ничего не списано, кредиты вернулись.
bot-cancel-requested = Остановится, как только сможет; сделанное к тому времени будет доставлено и списано.
bot-cancel-too_late = Поздно: работа уже закончилась.
bot-cancel-missing = У вас нет такой работы.
bot-cancel-nothing = Отменять нечего.

bot-confirm =
    <b>{ $kind }</b>: <b>{ amount-credits }</b>. Начинать?
bot-away = ⚠️ <b>{ $model }</b> сейчас не отвечает; спросим её снова примерно через { $minutes } мин. Ничего не списано. Можно взять другую модель или всё же спросить: если ответа не будет, кредиты вернутся.
bot-away-all = ⚠️ Сейчас для этого не отвечает ни одна модель; спросим снова примерно через { $minutes } мин. Ничего не списано. Можно всё же спросить: если ответа не будет, кредиты вернутся.
bot-insufficient =
    <b>Не хватает кредитов.</b>
    Нужно { amount-credits }; доступно { $available }, не хватает { $missing }. Ничего не списано.
    Запрос сохранён: он выполнится сам, как только вы купите кредиты.

bot-button-chat = 💬 Беседа
bot-button-image = 🎨 Картинка
bot-button-video = 🎬 Видео
bot-button-improve = ✍️ Улучшить текст
bot-button-generate = ▶️ Создать · { amount-credits }
bot-button-drop = ✖️ Не нужно
bot-button-buy = ⭐ Купить кредиты
bot-button-plans = ⭐ Планы больше
bot-button-cheaper = 💡 Моделью дешевле · { amount-credits }
bot-button-default-model = ↩️ Обычной моделью · { amount-credits }
bot-button-anyway = ⏳ Всё же спросить · { amount-credits }

bot-photo =
    { $count ->
        [one] Что сделать с картинкой?
        [few] Что сделать с { $count } картинками?
       *[other] Что сделать с { $count } картинками?
    }
bot-photo-describe = 👁 Описать · { amount-credits }
bot-photo-edit = ✏️ Изменить · { amount-credits }
bot-photo-post = 📣 Улучшить для поста · { amount-credits }
bot-photo-animate = 🎬 Оживить · { amount-credits }
bot-edit-ask = ✏️ Напишите, что изменить, например «ярче», «чёрно-белое», «резче» или «подпись: Привет».
bot-edit-not-understood = Такого изменения я не понял. Попробуйте «ярче», «темнее», «контрастнее», «чёрно-белое», «резче», «обрежь», «квадрат», «увеличь» или «подпись: …». Ничего не списано.

bot-file =
    📄 { $pages ->
        [one] { $pages } страница
        [few] { $pages } страницы
       *[other] { $pages } страниц
    }, { amount-credits }. Что сделать с текстом?
bot-file-extract = 📋 Извлечь текст · { amount-credits }
bot-file-improve = ✍️ Улучшить · { amount-credits }
bot-file-outline = 🗂 Составить план · { amount-credits }

bot-styles = В каком стиле? Каждый стоит { amount-credits }.
bot-style-usual = ★ { $label }
bot-style-correct = ✅ Без ошибок
bot-style-concise = ✂️ Короче
bot-style-formal = 🎩 Официально
bot-style-friendly = 😊 Дружелюбно
bot-style-headline = 📰 Заголовок

bot-saved = Сохранено в вашем пространстве как { $code }. Показать: /gallery.
bot-deleted = Удалено.

bot-inline-placeholder = ⏳ <i>Работаю …</i>
bot-inline-working = ⏳ В работе
bot-inline-generate = 💬 Ответить · { amount-credits }
bot-inline-correct = ✅ Исправить текст · { amount-credits }
bot-inline-friendly = 😊 Сделать дружелюбным · { amount-credits }
bot-inline-formal = 🎩 Сделать официальным · { amount-credits }

bot-command-start = Первые шаги
bot-command-image = Картинка из слов
bot-command-video = Видео из слов
bot-command-improve = Улучшить текст
bot-command-new = Новая беседа
bot-command-cancel = Отменить последнюю работу
bot-command-balance = Что у вас есть
bot-command-buy = Купить кредиты
bot-command-history = Что вы потратили
bot-command-limits = Ваш план и его пределы
bot-command-convert = Обменять батарейки
bot-command-gallery = Сохранённые результаты
bot-command-channels = Ваши каналы
bot-command-settings = Язык, модели, стили
bot-command-help = Что я умею
