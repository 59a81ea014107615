"""What every maker of pictures needs and none of them owns: opening, measuring and marking a picture.

For the inside of a child process, so only Pillow, the standard library and the shared facts of
`storage.media` are imported. May be imported by `workers`. Start reading at `opening.py`.
"""
