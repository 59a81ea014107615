### Labels of buttons: `button-` and the action.

button-priced = { $label } · { amount-credits }

button-again = 🔁 Again
button-vary = 🎲 Variation
button-upscale = 🔍 Upscale
button-edit = ✏️ Edit
button-animate = 🎬 Animate
button-save = 💾 Save
button-post = 📣 Post
button-delete = 🗑 Delete
button-retry = 🔁 Try again
button-rerun = 🔁 Run again
button-cancel = ✖️ Cancel
button-uncertain-yes = ✅ It is there
button-uncertain-no = 📣 It is not, post it
