"""What every process of ours reads as it begins, read once before the first of them is forked.

Imported by the nest alone.
"""

from ops.base.trust import authorities
from ops.samples import photo
from schemas.catalogue import catalogue
from schemas.plans import kind_limits, plans
from schemas.prices import price_book
from schemas.providers import provider_book
from schemas.translations import languages, translation
from tests.introspection import ask_once

ask_once()
authorities()
photo()
catalogue()
plans()
kind_limits()
price_book()
provider_book()
for language in languages():
    translation(language)
