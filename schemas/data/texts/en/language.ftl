### The language itself, and the names of things that every topic uses.

language-name = English

kind-text-generate = text
kind-text-improve = text improvement
kind-image-generate = picture
kind-image-edit = picture editing
kind-image-analyze = picture description
kind-video-generate = video
kind-file-process = file
kind-post-publish = post

# The only variant forms of "credit": mention this message, never write the word by hand.
amount-credits =
    { $price ->
        [one] { $price } credit
       *[other] { $price } credits
    }
