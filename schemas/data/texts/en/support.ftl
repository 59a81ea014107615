### Help with payments: what is said when somebody asks, and around the answer of the house.

support-noted = 🧾 Noted: a person of us reads this and answers here. It costs nothing. To add something, reply to this message.
support-words-please = Please say it in words, in reply to this message: pictures and files cannot be read there. Nothing was charged.
support-answer =
    🧾 About your payment:
    <blockquote>{ $answer }</blockquote>
    To go on, reply to this message.

error-support_full =
    { $waiting ->
        [one] One question of yours waits for an answer already. Nothing was charged; please wait for it.
       *[other] { $waiting } questions of yours wait for an answer already. Nothing was charged; please wait for one.
    }
