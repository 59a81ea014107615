### When a request was blocked and its person does not agree.

button-appeal = 🙋 I do not agree
appeal-noted = Noted: somebody of us will look at this decision and answer here. They see why it was blocked and not what you wrote; to tell them something, send <code>/appeal</code> and your words.
appeal-how = Press the button under the blocked request first. Then <code>/appeal</code> and your words adds them for who looks at it.
appeal-word-noted = Added. The answer comes here.
appeal-agreed = 🙋 About your blocked request: you are right, it should not have been blocked. Nothing was charged for it; please try it again.
appeal-declined = 🙋 About your blocked request: we looked at it, and the decision stays. Nothing was charged for it.

error-already_appealed = You have said so already; the answer comes here. Nothing was charged.
error-no_appeal = There is no appeal of yours that waits for words. Nothing was charged; press the button under the blocked request first.
