### What somebody may choose: /settings, /language, /zone, and the daily summary.

settings-overview =
    <b>Settings</b>
    Language: { $language }
    Clock: { $zone }
    Models: { $models }
    Style of improved texts: { $style }
    Prompts of pictures and videos: { $prompts }
    Ask before it costs: { $confirm }
    Daily summary: { $summary }
settings-saved = Saved.
settings-on = on, in the morning
settings-off = off

settings-to-language = Language
settings-to-zone = Clock
settings-to-models = Models
settings-to-style = Style
settings-to-prompts = Improve prompts
settings-to-confirm = Ask first
settings-to-summary = Summary on or off

settings-ask-language = Which language shall we speak?
settings-ask-zone =
    Where do you live? Now it is { $zone }.
    Any other place: <code>/zone Europe/Paris</code>
settings-ask-style = How shall texts be improved, unless you say otherwise?
settings-ask-prompts =
    <b>Improve my prompts before pictures and videos</b>
    A text model first makes a full description of your words. You see it, and the picture or the video is made from it. That is a step of its own, mostly for { amount-credits }; what both cost is said before the first begins. Changes to a picture are always left as you say them.
settings-improve-on = improve my prompts
settings-improve-off = take them as I write them
settings-prompts-on = improved first
settings-prompts-off = as you write them
settings-ask-confirm = From which price on shall I ask before I start? The price is always shown.
settings-ask-modality = A model for what?
settings-ask-model = Models of your plan { $plan }. “The plan's own” is the best that costs the plain tariff.

settings-models-away = ⚠️ marks a model that does not answer right now: choose another one for the moment, or “The plan's own”, which goes on to the next by itself.

settings-models-text = Texts
settings-models-image = Pictures
settings-models-video = Videos
settings-plan-model = The plan's own

settings-style-correct = correct mistakes only
settings-style-concise = shorter
settings-style-formal = formal
settings-style-friendly = friendly
settings-style-headline = with a headline

settings-confirm-always = always
settings-confirm-never = never
settings-confirm-above = more than { amount-credits }

settings-summary =
    <b>Your day, { $day }</b>
    Done: { $done }, failed: { $failed } (those cost nothing)
    Spent: { $spent } credits · you can spend now: { $left } credits
    Not wanted any more? /settings
