"""About 200 realistic music products, always the same, and Reverb listings for most of them."""

from __future__ import annotations

import hashlib
import random
from typing import Any

from sandbox.reverb.rules import CATEGORIES, CONDITIONS, clean

Doc = dict[str, Any]

#: Category, make, model, usual price.
Kind = tuple[str, str, str, int]
#: Category → make, model and usual price in USD.
MODELS: dict[str, list[tuple[str, str, int]]] = {
    "Electric Guitars / Solid Body": [
        ("Fender", "Player Stratocaster", 849),
        ("Fender", "American Professional II Telecaster", 1699),
        ("Fender", "Vintera II '60s Jazzmaster", 1149),
        ("Gibson", "Les Paul Standard '50s", 2699),
        ("Gibson", "SG Special", 1599),
        ("PRS", "SE Custom 24", 899),
        ("Ibanez", "RG550 Genesis", 999),
        ("Yamaha", "Revstar RSS20", 799),
        ("Jackson", "JS22 Dinky", 229),
        ("Gretsch", "G5220 Electromatic Jet", 599),
    ],
    "Electric Guitars / Semi-Hollow": [("Gibson", "ES-335", 3299), ("Epiphone", "Dot", 499), ("Ibanez", "AS73", 449)],
    "Acoustic Guitars / Dreadnought": [
        ("Martin", "D-28", 3199),
        ("Yamaha", "FG800", 229),
        ("Taylor", "210ce", 1199),
        ("Guild", "D-40", 1499),
    ],
    "Acoustic Guitars / Classical": [("Cordoba", "C5", 399), ("Yamaha", "C40II", 169)],
    "Bass Guitars / 4-String": [
        ("Fender", "Player Precision Bass", 899),
        ("Music Man", "StingRay Special", 2499),
        ("Rickenbacker", "4003", 2499),
        ("Squier", "Classic Vibe '60s Jazz Bass", 449),
    ],
    "Bass Guitars / 5-String or More": [("Ibanez", "SR505E", 849), ("Sire", "Marcus Miller V7", 699)],
    "Amps / Guitar Amps / Guitar Combos": [
        ("Fender", "'65 Deluxe Reverb", 1899),
        ("Vox", "AC15C1", 799),
        ("Roland", "JC-22", 699),
        ("Orange", "Crush 35RT", 299),
    ],
    "Amps / Guitar Amps / Guitar Heads": [("Marshall", "JCM800 2203", 2499), ("Mesa Boogie", "Rectoverb 25", 1499)],
    "Amps / Bass Amps / Bass Combos": [("Ampeg", "RB-112", 399), ("Markbass", "CMD 121P", 899)],
    "Effects and Pedals / Overdrive and Boost": [
        ("Ibanez", "Tube Screamer TS9", 109),
        ("Boss", "BD-2 Blues Driver", 119),
        ("Fulltone", "OCD", 179),
    ],
    "Effects and Pedals / Delay": [("Boss", "DD-8", 179), ("Strymon", "TimeLine", 449), ("MXR", "Carbon Copy", 159)],
    "Effects and Pedals / Reverb": [("Strymon", "BigSky", 479), ("Electro-Harmonix", "Holy Grail", 149)],
    "Effects and Pedals / Fuzz": [("Electro-Harmonix", "Big Muff Pi", 99), ("Dunlop", "Fuzz Face Mini", 129)],
    "Effects and Pedals / Wahs and Filters": [("Dunlop", "Cry Baby GCB95", 99), ("Vox", "V847-A", 119)],
    "Keyboards and Synths / Synths / Analog Synths": [
        ("Moog", "Subsequent 37", 1799),
        ("Korg", "Minilogue", 549),
        ("Sequential", "Prophet-6", 3199),
    ],
    "Keyboards and Synths / Synths / Digital Synths": [("Roland", "JD-08", 399), ("Korg", "Wavestate", 699)],
    "Keyboards and Synths / Drum Machines": [("Roland", "TR-8S", 749), ("Elektron", "Digitakt II", 999)],
    "Drums and Percussion / Acoustic Drums / Full Acoustic Kits": [
        ("Ludwig", "Breakbeats", 549),
        ("Yamaha", "Stage Custom Birch", 799),
    ],
    "Pro Audio / Microphones": [("Shure", "SM58", 99), ("Neumann", "TLM 103", 1195), ("AKG", "C414 XLII", 1099)],
    "Pro Audio / Speakers / Studio Monitors": [("Yamaha", "HS5", 199), ("KRK", "Rokit 5 G4", 189)],
    "Parts / Guitar Pickups": [("Seymour Duncan", "JB SH-4", 119), ("DiMarzio", "Super Distortion", 99)],
}
FINISHES = ("Sunburst", "Olympic White", "Black", "Lake Placid Blue", "Natural", "Candy Apple Red", "Butterscotch")
USED = ("Mint", "Excellent", "Very Good", "Good", "Fair")
NAMES = {name: uuid for uuid, name in CONDITIONS.items()}
UUIDS = {row["full_name"]: uuid for uuid, row in CATEGORIES.items()}
WANTED = 200


def products(url: str) -> list[Doc]:
    """Return the bodies of 200 products of a store at `url`: new ones in quantity, used one-offs, some in colors."""
    dice = random.Random(1972)
    models = [(category, *model) for category, rows in MODELS.items() for model in rows]
    made: list[Doc] = []
    while len(made) < WANTED:
        number = len(made)
        make_one = _new if number < len(models) else _used
        made.append(make_one(url, number, models[number % len(models)], dice))
    return made


def many(url: str, count: int) -> list[Doc]:
    """Return the bodies of `count` products with one variant each: a big store."""
    return [
        {
            "title": f"Yamaha Pacifica {number}",
            "vendor": "Yamaha",
            "product_type": "Electric Guitars / Solid Body",
            "description_html": f"<p>Number {number} of many.</p>",
            "tags": ["new"],
            "images": [f"{url}/photos/MANY-{number}.svg"],
            "variants": [{"sku": f"MANY-{number}", "price": "299.00", "inventory_quantity": number % 9 + 1}],
        }
        for number in range(count)
    ]


def listings(wishes: list[Doc], *, every: int = 4) -> list[Doc]:
    """Return bodies of live listings for all but each `every`-th single-variant product, as if created by hand."""
    single = [wish for wish in wishes if len(wish["variants"]) == 1]
    return [_listing(wish) for n, wish in enumerate(single) if n % every]


def image(name: str) -> str:
    """Return a simple SVG image for a product; `name` must be escaped."""
    hue = int(hashlib.sha256(name.encode()).hexdigest()[:4], 16) % 360
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 400">'
        f'<rect width="400" height="400" fill="hsl({hue},35%,88%)"/>'
        f'<ellipse cx="200" cy="280" rx="85" ry="75" fill="hsl({hue},50%,42%)"/>'
        f'<ellipse cx="200" cy="195" rx="62" ry="55" fill="hsl({hue},50%,42%)"/>'
        '<circle cx="200" cy="245" r="26" fill="#222"/><rect x="190" y="40" width="20" height="170" fill="#4a3423"/>'
        f'<text x="200" y="388" font-family="sans-serif" font-size="20" text-anchor="middle">{name}</text></svg>'
    )


def _new(url: str, number: int, kind: Kind, dice: random.Random) -> Doc:
    category, make, model, price = kind
    sku = _sku(make, number)
    in_colours = number % 6 == 0
    colours = dice.sample(FINISHES, 3) if in_colours else [""]
    rows = [
        {
            "sku": f"{sku}-{n}" if in_colours else sku,
            "price": f"{price:.2f}",
            "inventory_quantity": dice.randint(2, 12),
            "barcode": _barcode(number * 10 + n),
            "options": {"Color": colour} if colour else {},
        }
        for n, colour in enumerate(colours)
    ]
    return {
        "title": f"{make} {model}",
        "vendor": make,
        "product_type": category,
        "description_html": (
            f"<p>The <strong>{make} {model}</strong>, new in its box with full warranty.</p>"
            "<ul><li>Checked and set up in our workshop</li><li>Ships within a day</li></ul>"
        ),
        "tags": ["new"],
        "images": [f"{url}/photos/{sku}.svg", f"{url}/photos/{sku}-back.svg"],
        "variants": rows,
    }


def _used(url: str, number: int, kind: Kind, dice: random.Random) -> Doc:
    category, make, model, price = kind
    sku, year = _sku(make, number), dice.randint(1968, 2021)
    condition, finish = dice.choice(USED), dice.choice(FINISHES)
    row = {"sku": sku, "price": f"{price * dice.uniform(0.5, 0.85):.0f}.00", "inventory_quantity": 1, "barcode": ""}
    return {
        "title": f"{make} {model} {finish} {year}",
        "vendor": make,
        "product_type": category,
        "description_html": (
            f"<p>A {year} {make} {model} in {finish}, in {condition.lower()} condition.</p>"
            "<p>Plays well. Small marks of use, shown in the photos. Comes with a case.</p>"
        ),
        "tags": ["used", f"condition: {condition}", f"finish: {finish}", f"year: {year}"],
        "images": [f"{url}/photos/{sku}.svg"],
        "variants": [row],
    }


def _listing(wish: Doc) -> Doc:
    [row] = wish["variants"]
    notes = dict(tag.split(": ", 1) for tag in wish["tags"] if ": " in tag)
    used = "condition" in notes
    return {
        "sku": row["sku"],
        "title": wish["title"],
        "make": wish["vendor"],
        "model": wish["title"].removeprefix(wish["vendor"]).strip(),
        "description": clean(wish["description_html"]),
        "finish": notes.get("finish", ""),
        "year": notes.get("year", ""),
        "condition": {"uuid": NAMES[notes.get("condition", "Brand New")]},
        "categories": [{"uuid": UUIDS[wish["product_type"]]}],
        "price": {"amount": row["price"], "currency": "USD"},
        "upc": row["barcode"],
        "has_inventory": not used,
        "inventory": row["inventory_quantity"],
        "photos": wish["images"],
        "state": "live",
    }


def _sku(make: str, number: int) -> str:
    return f"{''.join(c for c in make.upper() if c.isalpha())[:3]}-{1000 + number}"


def _barcode(number: int) -> str:
    """Return a UPC-A number with a valid check digit."""
    digits = f"8859{number:07d}"
    total = sum(int(digit) * (3 if index % 2 == 0 else 1) for index, digit in enumerate(digits))
    return digits + str(-total % 10)
