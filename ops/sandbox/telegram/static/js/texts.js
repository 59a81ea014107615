// Everything the page says, in the two languages of the product.

const EN = {
  sandbox: "sandbox",
  notice: "A playground, not Telegram. Nothing here leaves this machine, and Stars are play money.",
  new_chat: "New group or channel",
  bots: "Bots", chats: "Groups and channels",
  no_bots: "No bot has signed in yet. Start one, and it appears here.",
  pick: "Choose a bot on the left and say hello.",
  start: "Start", never: "You have not talked yet",
  message: "Message", send: "Send", attach: "Add photos or files", commands: "Commands",
  back: "All chats", more: "More", reply: "Reply", close: "Close", cancel: "Cancel",
  reply_to: "Reply to", remove: "Remove", as_files: "Send as files, uncompressed",
  drop: "Drop to attach",
  typing: "is writing…", upload_photo: "is sending a photo…", record_video: "is making a video…",
  upload_video: "is sending a video…", upload_document: "is sending a file…",
  thinking: "Thinking", stop: "Stop", bot: "bot", group: "group", channel: "channel",
  photo: "Photo", video: "Video", document: "File", animation: "Animation", album: "Album",
  invoice: "Invoice", edited: "edited", today: "Today", yesterday: "Yesterday",
  to_bottom: "To the newest messages", earlier: "Earlier messages",
  pay: "Pay", paid: "Paid", per_month: "every 30 days", balance: "Your balance",
  pay_title: "Pay with play Stars",
  pay_note: "Play Stars are not money. They exist only on this page.",
  paying: "Asking the bot…", pay_refused: "The bot declined: ",
  pay_timeout: "The bot did not answer within 10 seconds. Nothing was paid.",
  pay_poor: "Not enough play Stars.", pay_done: "Paid. Thank you!",
  pay_unknown: "This invoice is no longer there.",
  stars: "Play Stars", stars_about: "Use them to try purchases. Take more whenever you like.",
  fill: "Fill up to 5,000", payment_note: "You paid", refund_note: "Returned to you:",
  moved: "This group is a supergroup now", pinned: "A message was pinned",
  block: "Stop and block bot", unblock: "Restart bot", blocked: "You have blocked this bot.",
  title: "Title", kind: "Kind", create: "Create", add_bots: "With these bots",
  channel_hint: "Bots join a channel as administrators who may post.",
  group_hint: "In a group, bots hear commands, mentions and replies.",
  read_only: "Only administrators write here.",
  online: "", offline: "Connection lost. Trying again…", again: "Connected again",
  failed: "That did not work: ", too_big: "This file is larger than 50 MB.",
  unsupported: "This button does nothing in the sandbox.", no_answer: "The bot did not answer.",
  open_link: "Opens in a new tab", copied: "Copied", you: "You", spoiler: "Hidden text, press to show", folded: "Press to read all of it",
  code_bad_text: "the text is empty or too long", code_bad_file: "the file could not be read",
  code_not_inside: "you are not in this chat", code_no_button: "that button is gone",
  code_network: "the sandbox does not answer",
};

const RU = {
  sandbox: "песочница",
  notice: "Игровая площадка, а не Telegram. Отсюда ничего не уходит, а звёзды — игрушечные.",
  new_chat: "Новая группа или канал",
  bots: "Боты", chats: "Группы и каналы",
  no_bots: "Ни один бот ещё не подключился. Запустите его — и он появится здесь.",
  pick: "Выберите бота слева и поздоровайтесь.",
  start: "Начать", never: "Вы ещё не общались",
  message: "Сообщение", send: "Отправить", attach: "Добавить фото или файлы", commands: "Команды",
  back: "Все чаты", more: "Ещё", reply: "Ответить", close: "Закрыть", cancel: "Отмена",
  reply_to: "Ответ на", remove: "Убрать", as_files: "Отправить файлами, без сжатия",
  drop: "Отпустите, чтобы приложить",
  typing: "пишет…", upload_photo: "отправляет фото…", record_video: "снимает видео…",
  upload_video: "отправляет видео…", upload_document: "отправляет файл…",
  thinking: "Думает", stop: "Остановить", bot: "бот", group: "группа", channel: "канал",
  photo: "Фото", video: "Видео", document: "Файл", animation: "Анимация", album: "Альбом",
  invoice: "Счёт", edited: "изменено", today: "Сегодня", yesterday: "Вчера",
  to_bottom: "К новым сообщениям", earlier: "Более ранние сообщения",
  pay: "Оплатить", paid: "Оплачено", per_month: "каждые 30 дней", balance: "Ваш баланс",
  pay_title: "Оплата игровыми звёздами",
  pay_note: "Игровые звёзды — не деньги. Они есть только на этой странице.",
  paying: "Спрашиваем бота…", pay_refused: "Бот отказал: ",
  pay_timeout: "Бот не ответил за 10 секунд. Ничего не списано.",
  pay_poor: "Не хватает игровых звёзд.", pay_done: "Оплачено. Спасибо!",
  pay_unknown: "Этого счёта больше нет.",
  stars: "Игровые звёзды", stars_about: "Пробуйте на них покупки. Пополнить можно когда угодно.",
  fill: "Пополнить до 5 000", payment_note: "Вы заплатили", refund_note: "Вам вернули:",
  moved: "Теперь это супергруппа", pinned: "Сообщение закреплено",
  block: "Остановить и заблокировать бота", unblock: "Запустить бота снова",
  blocked: "Вы заблокировали этого бота.",
  title: "Название", kind: "Вид", create: "Создать", add_bots: "С этими ботами",
  channel_hint: "В канале боты становятся администраторами с правом публикации.",
  group_hint: "В группе боты слышат команды, упоминания и ответы.",
  read_only: "Здесь пишут только администраторы.",
  online: "", offline: "Связь потеряна. Пробуем снова…", again: "Связь восстановлена",
  failed: "Не получилось: ", too_big: "Файл больше 50 МБ.",
  unsupported: "В песочнице эта кнопка ничего не делает.", no_answer: "Бот не ответил.",
  open_link: "Откроется в новой вкладке", copied: "Скопировано", you: "Вы",
  spoiler: "Скрытый текст, нажмите, чтобы показать",
  folded: "Нажмите, чтобы прочитать целиком",
  code_bad_text: "текст пустой или слишком длинный", code_bad_file: "файл не читается",
  code_not_inside: "вас нет в этом чате", code_no_button: "этой кнопки больше нет",
  code_network: "песочница не отвечает",
};

export const language = document.documentElement.lang === "ru" ? "ru" : "en";
const TEXTS = language === "ru" ? RU : EN;

export const t = (key) => TEXTS[key] ?? EN[key] ?? key;
export const reason = (error) => TEXTS[`code_${error.code}`] ?? error.message;

const numbers = new Intl.NumberFormat(language);
const clock = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const dates = new Intl.DateTimeFormat(language, { day: "numeric", month: "long" });

export const number = (value) => numbers.format(value);
export const time = (unix) => clock.format(new Date(unix * 1000));

export function day(unix) {
  const then = new Date(unix * 1000);
  const yesterday = new Date();
  if (then.toDateString() === yesterday.toDateString()) return t("today");
  yesterday.setDate(yesterday.getDate() - 1);
  return then.toDateString() === yesterday.toDateString() ? t("yesterday") : dates.format(then);
}

export function size(bytes) {
  const units = language === "ru" ? ["Б", "КБ", "МБ"] : ["B", "KB", "MB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < 2) {
    value /= 1024;
    unit += 1;
  }
  return `${numbers.format(Math.round(value * 10) / 10)} ${units[unit]}`;
}
