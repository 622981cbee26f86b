"""Map a carrier's name from a store or ShipStation to a name on Reverb's list. Pure.

Facts: the names of POST /my/orders/selling/{id}/ship; the table of Reverb's own Magento plug-in, whose default is
"Other"; ShipStation's carrier codes (stamps_com and endicia sell labels of USPS, ups_walleted and fedex_walleted are
ShipStation's own accounts).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

OTHER = "Other"
#: Word → name. The first word that starts the carrier's name wins, so longer ones come first.
WORDS: tuple[tuple[str, str], ...] = (
    ("dhl deutschland", "DHL Deutschland"),
    ("deutsche post", "DHL Deutschland"),
    ("dhl paket", "DHL Deutschland"),
    ("dhl express", "DHLExpress"),
    ("dhlexpress", "DHLExpress"),
    ("dhl global mail", "DHLGlobalMail"),
    ("dhl ecommerce", "DHLGlobalMail"),
    ("dhlglobalmail", "DHLGlobalMail"),
    ("globalmail", "DHLGlobalMail"),
    ("dhl", "DHL"),
    ("ups", "UPS"),
    ("united parcel service", "UPS"),
    ("usps", "USPS"),
    ("united states postal service", "USPS"),
    ("us postal service", "USPS"),
    ("stamps com", "USPS"),
    ("stampscom", "USPS"),
    ("endicia", "USPS"),
    ("express 1", "USPS"),
    ("fedex", "FedEx"),
    ("federal express", "FedEx"),
    ("canada post", "Canada Post"),
    ("canadapost", "Canada Post"),
    ("postes canada", "Canada Post"),
    ("canpar", "CanPar"),
    ("royal mail", "Royal Mail"),
    ("royalmail", "Royal Mail"),
    ("post nl", "PostNL"),
    ("postnl", "PostNL"),
    ("australia post", "Australia Post"),
    ("auspost", "Australia Post"),
    ("ems", "EMS"),
    ("colissimo", "La Poste - Colissimo"),
    ("la poste", "La Poste - Colissimo"),
    ("china post", "China Post"),
    ("gls", "GLS"),
    ("parcelforce", "Parcelforce"),
    ("parcel force", "Parcelforce"),
    ("purolator", "Purolator"),
    ("interlogistica", "Interlogistica"),
    ("correos", "Correos España"),
    ("ukraine post", "Ukraine Post"),
    ("ukrposhta", "Ukraine Post"),
    ("dpd de", "DPD Germany"),
    ("dpd germany", "DPD Germany"),
    ("dpd uk", "DPD UK"),
    ("dpd fr", "DPD France"),
    ("dpd france", "DPD France"),
    ("hermes", "Hermes"),
    ("evri", "Hermes"),
    ("myhermes", "Hermes"),
    ("tnt", "TNT"),
)
_UPS = re.compile(r"1Z[0-9A-Z]{16}", re.IGNORECASE)


def provider_of(carrier: str, known: Sequence[str], *, number: str = "") -> str:
    """Return the name on Reverb's list (`known`) for a carrier; "Other" if none certainly matches."""
    words = " ".join(re.findall(r"\w+", carrier.replace("_", " ").casefold()))
    names = {" ".join(re.findall(r"\w+", name.casefold())): name for name in known}
    if words in names:
        return names[words]
    found = next((name for start, name in WORDS if words == start or words.startswith(f"{start} ")), "")
    if not words and _UPS.fullmatch(number):
        found = "UPS"
    return found if found in known else OTHER
