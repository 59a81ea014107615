### What the bots say: first steps, cards, choices. Telegram's HTML where a message is meant.

bot-ai-notice = 🤖 You are talking to an AI. What it writes and draws is made by machines and can be wrong.

bot-tour-one =
    👋 <b>Hello! I am an AI assistant.</b>
    What I write and draw is made by machines and can be wrong, so look before you rely on it.
bot-tour-two-viaizer =
    <b>Just send me something:</b>
    • words: we talk, and I remember what was said (/new starts afresh)
    • /image and words: a picture · /video and words: a video
    • a photo with words: I change it · a photo alone: you choose
    • a PDF or a text file: I read it page by page
bot-tour-two-text-ai =
    <b>Just send me something:</b>
    • a text: I improve it in the style you tap
    • a photo: I describe it and write a post about it
    • then post it to your own channel with one tap
bot-tour-three =
    You have <b>{ amount-credits }</b>. The price is always shown first, and a job that fails costs nothing.
    /balance shows what you have, /help what I can do, /settings changes the language.

bot-start-viaizer = 👋 Welcome back! You have <b>{ amount-credits }</b>. Send words, a photo or a file, or choose:
bot-start-text-ai = 👋 Welcome back! You have <b>{ amount-credits }</b>. Send a text or a photo, or choose:
bot-start-group-new = 👋 Hello! I am an AI assistant. Here I answer to a command, a mention or a reply; in our private chat I show you around.
bot-start-group = 👋 Welcome back! Here I answer to a command, a mention or a reply. What you have, and all the rest, is in our private chat.
bot-button-private = 💬 Our private chat

bot-help-viaizer =
    <b>What I do</b>
    Words: an answer that knows our conversation. /new starts another one.
    /image <i>words</i>: a picture. /video <i>words</i>: a video, also in reply to a photo.
    A photo with words, or words in reply to a picture: I change it.
    A photo alone: describe, edit, post or animate. A PDF or a text file: by the page.
    In groups I answer to a command, a mention or a reply. In any chat: my name and a few words.
    /cancel stops the newest job. /balance · /history · /gallery · /settings · /privacy · /paysupport
bot-help-text-ai =
    <b>What I do</b>
    A text: better, in the style you tap. /improve also works in reply to a text.
    A photo: its description, then a post about it. A photo with a text: the text is improved.
    /channels links a channel that you may post to.
    In groups I answer to a command, a mention or a reply. In any chat: my name and a few words.
    /cancel stops the newest job. /balance · /history · /gallery · /settings · /privacy · /paysupport

bot-new = ✨ A new conversation: from here on I do not look back at what was said before. How long it is kept: /privacy
bot-empty = Tell me in words what you would like.
bot-too-long = That is too long for one message to me: at most { $limit } characters. Nothing was charged; send it as a text file.
bot-cannot-read = I cannot read this yet. Send words, a photo, a PDF or a text file.
bot-unknown-command = I do not know this command. /help shows what I can do.
bot-others-command = { $command } is done by { $bot }. Send it there.
bot-already-done = Already done.
bot-sorry = ⚠️ Sorry, this could not be handled. Nothing was charged; please send it again.
bot-sorry-begun = ⚠️ Sorry, something went wrong on the way. What had been begun by then goes on, and /history shows what it costs; nothing else was charged.
bot-sorry-paid = ⚠️ Sorry, something went wrong on the way. Your payment has arrived and will be credited by itself; /paysupport helps if it is not.
error-already_done = Already done. Nothing new was charged.
error-words_not_understood = No model that understands these words can be reached now. Your credits are back; ask for “brighter”, “black and white”, “sharper”, “crop” or “caption: …”.
error-file_too_large = This file is too large: I can take at most { $limit_mb } MB. Nothing was charged; send a smaller one.
error-chat_gone = This chat cannot be reached.

bot-mode-chat = 💬 Now we talk: send a message.
bot-mode-image = 🎨 Now every message becomes a picture: describe one. /chat goes back to talking.
bot-mode-video = 🎬 Now every message becomes a video: describe one. /chat goes back to talking.
bot-mode-improve = ✍️ Send the text that I should improve.

bot-card =
    ⏳ <b>{ $kind }</b> · { amount-credits }
    { $state }
    { $range }
    <i>{ $rule }</i>
bot-card-queued = Accepted, in the queue
bot-card-place =
    { $ahead ->
        [0] Next in the queue
        [one] In the queue, one job before yours
       *[other] In the queue at place { $place }, { $ahead } jobs before yours
    }
bot-card-waiting = Waits for one of your own jobs to finish
bot-card-unattended = In the queue ({ $ahead } before yours); nobody works here right now, it starts as soon as somebody does
bot-card-rule-text = Cancel is free until it starts; after that only what was written is charged.
bot-card-rule-media = Cancel is free until it starts; what has begun is finished, delivered and charged.
bot-range-seconds = Ready in about { $low }–{ $high } seconds
bot-range-minutes = Ready in about { $low }–{ $high } minutes
bot-range-unknown = How long it takes cannot be said yet

bot-cancel-cancelled = Cancelled. Nothing was charged, your credits are back.
bot-cancel-requested = It stops as soon as it can; what was made by then is delivered and charged.
bot-cancel-too_late = It is too late: the job has ended.
bot-cancel-missing = There is no such job of yours.
bot-cancel-named =
    <b>{ $job }</b>
    { $said }
bot-cancel-job = { $kind } “{ $words }”
bot-cancel-nothing = There is nothing to cancel.

bot-confirm =
    <b>{ $kind }</b> costs <b>{ amount-credits }</b>. Shall I begin?
bot-confirm-improved =
    <b>{ $kind }</b> with an improved prompt costs <b>{ amount-credits }</b>, both steps together. Shall I begin?
bot-confirm-album =
    <b>{ $kind }</b> of { $count } pictures costs <b>{ amount-credits }</b>, all of them together. Shall I begin?
bot-confirm-post =
    { $count ->
        [one] A description of the picture and
       *[other] Descriptions of { $count } pictures and
    } a text for a post cost <b>{ amount-credits }</b>, all steps together. Shall I begin?
bot-improving = ✨ Two steps: your prompt is improved ({ $prompt }), then comes the { $kind } ({ $made }). Together <b>{ amount-credits }</b>. /settings switches the first one off.
bot-unimproved = ⚠️ Your prompt could not be improved, so no { $kind } was begun. Nothing was charged; it can also be made from your own words.
bot-away = ⚠️ <b>{ $model }</b> does not answer right now; we ask it again in about { $minutes } min. Nothing was charged. You can take another model, or ask all the same: if no answer comes, your credits return.
bot-away-all = ⚠️ No model answers for this right now; we ask again in about { $minutes } min. Nothing was charged. You can ask all the same: if no answer comes, your credits return.
bot-insufficient =
    <b>Not enough credits.</b>
    This needs { amount-credits }; you can spend { $available }; missing: { $missing }. Nothing was charged.
    I have kept your request for 24 hours: once you have bought credits, it runs by itself.

bot-still-kept =
    { $count ->
        [one] One kept request still waits; credits missing for it: { $missing }.
       *[other] { $count } kept requests still wait; credits missing for the oldest of them: { $missing }.
    } Nothing was charged for what waits.
bot-insufficient-group =
    <b>Not enough credits.</b>
    This needs { amount-credits }. Nothing was charged.
    I have kept the request for 24 hours: once you have bought credits in our private chat, it runs by itself.

bot-button-chat = 💬 Chat
bot-button-image = 🎨 Picture
bot-button-video = 🎬 Video
bot-button-improve = ✍️ Improve a text
bot-button-generate = ▶️ Generate · { amount-credits }
bot-button-drop = ✖️ Never mind
bot-button-buy = ⭐ Buy credits
bot-button-plans = ⭐ Larger plans
bot-button-cheaper = 💡 With a cheaper model · { amount-credits }
bot-button-default-model = ↩️ With the usual model · { amount-credits }
bot-button-as-typed = ✏️ As I wrote it · { amount-credits }
bot-button-anyway = ⏳ Ask all the same · { amount-credits }

bot-photo =
    { $count ->
        [one] What shall I do with this picture?
       *[other] What shall I do with these { $count } pictures?
    }
bot-photo-describe = 👁 Describe · { amount-credits }
bot-photo-edit = ✏️ Edit · { amount-credits }
bot-photo-post = 📣 Improve for a post · { amount-credits }
bot-photo-animate = 🎬 Animate · { amount-credits }
bot-edit-ask =
    { $count ->
        [one] ✏️ Tell me what to change, for example
       *[other] ✏️ Tell me what to change in all { $count } pictures, for example
    } “brighter”, “black and white”, “sharper” or “caption: Hello”. /chat leaves it as it is.
bot-edit-not-understood = I did not understand this change. Try “brighter”, “darker”, “more contrast”, “black and white”, “sharper”, “crop”, “square”, “larger” or “caption: …”; /chat goes back to talking. Nothing was charged.

bot-file =
    📄 { $pages ->
        [one] One page
       *[other] { $pages } pages
    }, { amount-credits }. What shall I do with the text?
bot-file-extract = 📋 Take out the text · { amount-credits }
bot-file-improve = ✍️ Improve it · { amount-credits }
bot-file-outline = 🗂 Outline it · { amount-credits }

bot-styles = In which style? Each costs { amount-credits }.
bot-style-usual = ★ { $label }
bot-style-correct = ✅ Correct
bot-style-concise = ✂️ Concise
bot-style-formal = 🎩 Formal
bot-style-friendly = 😊 Friendly
bot-style-headline = 📰 Headline

bot-saved = Saved in your workspace as { $code }. /gallery shows it.
bot-deleted = Deleted.
bot-deleted-partly = Deleted from your workspace. Telegram does not let me delete messages that are too old: please delete what is left here yourself.

bot-inline-placeholder = ⏳ <i>The AI is working on it …</i>
bot-inline-working = ⏳ In work
bot-inline-generate = 💬 Answer · { amount-credits }
bot-inline-correct = ✅ Correct the text · { amount-credits }
bot-inline-friendly = 😊 Make it friendly · { amount-credits }
bot-inline-formal = 🎩 Make it formal · { amount-credits }

bot-inline-away = ⚠️ { $model } does not answer right now: this is by the usual model.
bot-inline-away-usual = ⚠️ The usual models do not answer right now: this is by a cheaper one.
bot-inline-away-all = ⚠️ No model answers right now; we ask again in about { $minutes } min. If no answer comes, your credits return.

bot-command-start = First steps
bot-command-image = A picture from words
bot-command-video = A video from words
bot-command-improve = Improve a text
bot-command-new = A new conversation
bot-command-cancel = Cancel the newest job
bot-command-balance = What you have
bot-command-buy = Buy credits
bot-command-history = What you spent
bot-command-limits = Your plan and its limits
bot-command-convert = Exchange batteries
bot-command-gallery = Your saved results
bot-command-channels = Your channels
bot-command-settings = Language, models, styles
bot-command-help = What I can do
