"""Who the stories are about, where they play, and what they ask."""

from envs.tasks.word_problems.grammar import Situation

GIRLS = ("Ada", "Anna", "Carla", "Ella", "Ivy", "Julia", "Kate", "Lena", "Mia", "Nora", "Rosa", "Zoe")
BOYS = ("Adam", "Ben", "Carl", "David", "Eric", "Finn", "Hugo", "Ivan", "Leo", "Max", "Omar", "Tom")

PRONOUNS = {
    True: {"She": "She", "she": "she", "Her": "Her", "her": "her", "him": "her", "uncle": "uncle"},
    False: {"She": "He", "she": "he", "Her": "His", "her": "his", "him": "him", "uncle": "aunt"},
}
"""Of girls and of boys; `uncle` is a relative of the other gender."""

THINGS = ("a scarf", "a lamp", "a toy boat", "a kite", "a poster", "a puzzle", "a hat", "an umbrella", "a comic book")

CONNECTORS = ("", "", "", "Then ", "After that ", "Later ")
"""What may stand before a sentence that begins with a pronoun."""

_OWN = (
    "{Her} house has {n} windows.",
    "{Her} street has {n} houses.",
    "{She} lives at number {n}.",
    "{She} has known {friend} for {n} years.",
    "It is {n} degrees outside.",
    "The town has {n} bridges.",
    "The bus to town runs every {n} minutes.",
)
_ELSEWHERE = (
    "It is {n} degrees outside.",
    "The town has {n} bridges.",
    "The nearest bakery is {n} blocks away.",
)

SITUATIONS = {
    "baking": Situation(
        ("cookie|cookies", "muffin|muffins", "roll|rolls", "cupcake|cupcakes", "pie|pies", "pretzel|pretzels"),
        ("tin|tins", "box|boxes", "bag|bags"),
        "bakes",
        "burnt",
        (*_OWN, "{Her} oven is {n} years old."),
    ),
    "picking": Situation(
        ("apple|apples", "pear|pears", "plum|plums", "lemon|lemons", "peach|peaches", "orange|oranges"),
        ("basket|baskets", "crate|crates", "bag|bags"),
        "picks",
        "rotten",
        (*_OWN, "The ladder has {n} rungs."),
    ),
    "collecting": Situation(
        ("stamp|stamps", "sticker|stickers", "postcard|postcards", "photo|photos", "trading card|trading cards"),
        ("album|albums", "folder|folders", "envelope|envelopes"),
        "collects",
        "torn",
        _OWN,
    ),
    "crafting": Situation(
        ("candle|candles", "bracelet|bracelets", "paper star|paper stars", "clay cup|clay cups", "kite|kites"),
        ("box|boxes", "carton|cartons", "gift bag|gift bags"),
        "makes",
        "broken",
        (*_OWN, "{Her} workbench has {n} drawers."),
    ),
    "shopping": Situation(
        ("pencil|pencils", "notebook|notebooks", "marble|marbles", "balloon|balloons", "eraser|erasers", "bead|beads"),
        ("box|boxes", "bag|bags", "drawer|drawers"),
        "buys",
        "damaged",
        (*_OWN, "The shop is {n} blocks away."),
    ),
    "saving": Situation(asides=_OWN),
    "working": Situation(asides=(*_OWN, "The office is on floor {n}.")),
    "cycling": Situation(gets="cycles", asides=(*_OWN, "{Her} bicycle has {n} gears.")),
    "hiking": Situation(gets="hikes", asides=(*_OWN, "{Her} backpack has {n} pockets.")),
    "driving": Situation(gets="drives", asides=(*_OWN, "{Her} car is {n} years old.")),
    "traveling": Situation(asides=(*_OWN, "The hotel has {n} floors.")),
    "reading": Situation(asides=(*_OWN, "{Her} bookshelf has {n} boards.")),
    "practicing": Situation(asides=(*_OWN, "The music school has {n} teachers.")),
    "playing": Situation(asides=(*_OWN, "The game is {n} years old.")),
    "sewing": Situation(asides=(*_OWN, "{She} owns {n} pairs of scissors.")),
    "family": Situation(asides=tuple(aside for aside in _OWN if "years" not in aside)),
    "bus": Situation(
        ("city bus|city buses", "school bus|school buses", "night bus|night buses", "tour bus|tour buses"),
        asides=(*_ELSEWHERE, "The driver has {n} keys."),
    ),
    "water": Situation(
        ("tank|tanks", "barrel|barrels", "pool|pools", "pond|ponds", "basin|basins"),
        asides=(*_ELSEWHERE, "The fence around it has {n} posts."),
    ),
    "theater": Situation(
        ("theater|theaters", "cinema|cinemas", "concert hall|concert halls", "lecture hall|lecture halls"),
        asides=(*_ELSEWHERE, "The stage has {n} lamps."),
    ),
}

QUESTIONS = {
    "items": "How many {items} does {name} have now?",
    "boxes": "How many {boxes} does {name} have now?",
    "money": "How many dollars does {name} have now?",
    "cost": "How many dollars does {name} pay in all?",
    "hours": "How many hours does {name} work in all?",
    "days": "How many days is {name} away?",
    "way": "How many miles does {name} cover in all?",
    "road": "How many miles does {name} drive in all?",
    "gallons": "How many gallons of gas does the car need?",
    "trip": "How many hours does {name} need in all?",
    "pages": "How many pages does {name} read in all?",
    "minutes": "How many minutes does {name} practice in all?",
    "points": "How many points does {name} have now?",
    "ribbon": "How many inches of ribbon does {name} have now?",
    "age": "How old is {name}?",
    "mother": "How old is {her} mother?",
    "father": "How old is {her} father?",
    "riders": "How many passengers are on the bus now?",
    "water": "How many liters of water are in the {item} now?",
    "seats": "How many seats are there now?",
}
"""What is asked about each kind of quantity at the end."""
