### Надписи на кнопках: `button-` и действие.

button-priced = { $label } · { amount-credits }

button-again = 🔁 Ещё раз
button-vary = 🎲 Вариант
button-upscale = 🔍 Увеличить
button-edit = ✏️ Изменить
button-animate = 🎬 Оживить
button-save = 💾 Сохранить
button-post = 📣 В канал
button-delete = 🗑 Удалить
button-retry = 🔁 Повторить
button-rerun = 🔁 Запустить снова
button-cancel = ✖️ Отменить
button-uncertain-yes = ✅ Пост есть
button-uncertain-no = 📣 Поста нет, отправить
