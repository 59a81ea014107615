### Why something was not made: the class of what was found, after the text of `content_blocked`.

blocked-harassment = The reason: it harasses somebody.
blocked-harassment_threatening = The reason: it harasses and threatens somebody.
blocked-hate = The reason: it spreads hate against a group of people.
blocked-hate_threatening = The reason: it threatens a group of people.
blocked-illicit = The reason: it helps with something unlawful.
blocked-illicit_violent = The reason: it helps with weapons or unlawful violence.
blocked-self_harm = The reason: it is about harming oneself.
blocked-self_harm_intent = The reason: it speaks of wanting to harm oneself. If this is about you, please talk to somebody you trust or to a crisis line.
blocked-self_harm_instructions = The reason: it tells how to harm oneself. If this is about you, please talk to somebody you trust or to a crisis line.
blocked-sexual = The reason: it is sexual content.
blocked-sexual_minors = The reason: it sexualizes minors.
blocked-violence = The reason: it shows or praises violence.
blocked-violence_graphic = The reason: it shows violence in cruel detail.
blocked-other = The reason: it was judged to be harmful.
