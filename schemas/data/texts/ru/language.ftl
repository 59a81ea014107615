### Сам язык и названия того, о чём говорят все темы.

language-name = Русский

kind-text-generate = текст
kind-text-improve = улучшение текста
kind-image-generate = картинка
kind-image-edit = правка картинки
kind-image-analyze = описание картинки
kind-video-generate = видео
kind-file-process = файл
kind-post-publish = пост

# Единственное место, где склоняется «кредит»: сообщения ссылаются сюда.
amount-credits =
    { $price ->
        [one] { $price } кредит
        [few] { $price } кредита
        [many] { $price } кредитов
       *[other] { $price } кредита
    }
