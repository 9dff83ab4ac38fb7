"""Steps about things that one can count, and about the boxes they are packed in."""

from envs.tasks.word_problems.grammar import FEW, PERCENT, SOME, Step

_START = {"v": range(2, 61)}

OPENERS = (
    Step("", "items", "{name} bakes {v:{N}}.", ranges=_START, enters="baking"),
    Step(
        "",
        "items",
        "{name} bakes {a:tray|trays} of {b:{N}}.",
        (("a*b", "{name} bakes {calc:{N}}."),),
        ranges={"a": FEW},
        enters="baking",
    ),
    Step("", "items", "{name} picks {v:{N}}.", ranges=_START, enters="picking"),
    Step(
        "",
        "items",
        "{name} picks {a:{N}} from each of {b} trees.",
        (("a*b", "{name} picks {calc:{N}}."),),
        ranges={"a": FEW},
        enters="picking",
    ),
    Step(
        "",
        "items",
        "{name} picks {a:{N}} in the morning and {b} in the afternoon.",
        (("a+b", "{name} picks {calc:{N}}."),),
        ranges={"b": SOME},
        enters="picking",
    ),
    Step("", "items", "{name} has {v:{N}} in {her} collection.", ranges=_START, enters="collecting"),
    Step(
        "",
        "items",
        "{name} has {a:{B}} with {b:{N}} in each.",
        (("a*b", "The {boxes} hold {calc:{N}}."),),
        ranges={"a": FEW},
        enters="collecting",
    ),
    Step("", "items", "{name} makes {v:{N}} for the school fair.", ranges=_START, enters="crafting"),
    Step(
        "",
        "items",
        "{name} makes {a:{N}} an hour, and works on them for {b:hour|hours}.",
        (("a*b", "{name} makes {calc:{N}}."),),
        ranges={"a": FEW},
        enters="crafting",
    ),
    Step(
        "",
        "items",
        "{name} buys {a} dozen {items}.",
        (("a*12", "{name} buys {calc:{N}}."),),
        ranges={"a": FEW},
        enters="shopping",
    ),
)

ITEMS = (
    Step("items", "items", "{She} gives {a:{N}} to {friend}.", (("v-a", "{name} has {calc:{N}} left."),)),
    Step(
        "items",
        "items",
        "{She} gives {a:{N}} to {friend} and {b} to a neighbor.",
        (("v-a-b", "{name} is left with {calc:{N}}."),),
    ),
    Step("items", "items", "{friend} gives {him} {a} more {items}.", (("v+a", "Now {name} has {calc:{N}}."),)),
    Step("items", "items", "{She} gives half of the {items} to {friend}.", (("v/2", "That leaves {calc:{N}}."),)),
    Step(
        "items",
        "items",
        "{She} gives one third of the {items} to {friend} and keeps the rest.",
        (("v*2/3", "{name} keeps two thirds of the {items}, {calc:{N}}."),),
    ),
    Step(
        "items",
        "items",
        "{She} keeps {a}% of the {items} and gives the others away.",
        (("v*a/100", "{name} keeps {calc:{N}}."),),
        ranges={"a": PERCENT},
    ),
    Step(
        "items",
        "items",
        "{She} finds that {a} of the {items} are {flaw} and throws them away.",
        (("v-a", "That leaves {calc:{N}} in good shape."),),
    ),
    Step("items", "items", "The next day {she} {gets} {a} more {items}.", (("v+a", "Then there are {calc:{N}}."),)),
    Step(
        "items",
        "items",
        "For {b} days {she} {gets} another {a} {items} a day.",
        (("a*b", "In {b} days {name} {gets} {calc:{N}}."), ("v+x", "With those {name} has {calc:{N}}.")),
        ranges={"a": FEW},
    ),
    Step(
        "items",
        "items",
        "On Sunday {she} {gets} {b} times as many {items} as {she} already has.",
        (("v*b", "On Sunday {name} {gets} {calc:{N}}."), ("v+x", "With those {name} has {calc:{N}}.")),
        ranges={"b": range(2, 6)},
    ),
    Step(
        "items",
        "items",
        "{She} swaps {a} of the {items} for {b} smaller ones.",
        (("v-a", "Without the {a} that go there are {calc:{N}}."), ("x+b", "With the new ones there are {calc:{N}}.")),
        ranges={"b": SOME},
    ),
    Step(
        "items",
        "items",
        "{friend} has {a} fewer {items} than {name} and gives all of them to {him}.",
        (("v-a", "{friend} has {calc:{N}}."), ("v+x", "Together that makes {calc:{N}}.")),
    ),
    Step(
        "items",
        "boxes",
        "{She} packs the {items} into {boxes} of {b}.",
        (("v/b", "{name} fills {calc:{B}}."),),
    ),
    Step(
        "items",
        "money",
        "{She} sells all of the {items} for ${b} each.",
        (("v*b", "{name} gets {calc:$} for the {items}."),),
    ),
    Step(
        "items",
        "money",
        "{She} packs the {items} into {boxes} of {a}, and sells each {box} for ${b}.",
        (("v/a", "{name} fills {calc:{B}}."), ("x*b", "{name} gets {calc:$} for the {boxes}.")),
        ranges={"a": FEW},
    ),
    Step(
        "items",
        "",
        "{friend} has {b} times as many {items} as {name}.",
        (("v*b", "{friend} has {calc:{N}}."),),
        "How many {items} does {friend} have?",
    ),
    Step(
        "items",
        "",
        "{friend} has {b} times as many {items} as {name}.",
        (("v*b", "{friend} has {calc:{N}}."), ("v+x", "Together they have {calc:{N}}.")),
        "How many {items} do {name} and {friend} have together?",
    ),
    Step(
        "items",
        "",
        "{friend} has {a} more {items} than {name}.",
        (("v+a", "{friend} has {calc:{N}}."),),
        "How many {items} does {friend} have?",
    ),
    Step(
        "items",
        "",
        "{She} shares the {items} equally among {b} children.",
        (("v/b", "Each child gets {calc:{N}}."),),
        "How many {items} does each child get?",
    ),
    Step(
        "items",
        "",
        "{She} lays the {items} out in {b} equal rows.",
        (("v/b", "Each row has {calc:{N}}."),),
        "How many {items} are in each row?",
    ),
    Step(
        "items",
        "",
        "{name} needs {a:{N}} in all.",
        (("a-v", "{name} needs {calc} more."),),
        "How many more {items} does {name} need?",
        ranges={"a": range(5, 201, 5)},
    ),
)

BOXES = (
    Step("boxes", "boxes", "{She} leaves {a:{B}} with {friend}.", (("v-a", "{name} has {calc:{B}} left."),)),
    Step("boxes", "boxes", "{She} gets {a} more {boxes} from {friend}.", (("v+a", "Now {name} has {calc:{B}}."),)),
    Step("boxes", "boxes", "{She} sends half of the {boxes} to a school.", (("v/2", "{name} keeps {calc:{B}}."),)),
    Step("boxes", "money", "{She} sells every {box} for ${b}.", (("v*b", "{name} gets {calc:$} for the {boxes}."),)),
    Step(
        "boxes",
        "",
        "Every {box} weighs {b} pounds.",
        (("v*b", "Together the {boxes} weigh {calc:pound|pounds}."),),
        "How many pounds do the {boxes} weigh together?",
    ),
    Step(
        "boxes",
        "",
        "{b:{B}} fit on a shelf.",
        (("v/b", "{name} fills {calc:shelf|shelves}."),),
        "How many shelves does {name} fill?",
    ),
    Step(
        "boxes",
        "",
        "It costs ${b} to mail each {box}.",
        (("v*b", "Mailing the {boxes} costs {calc:$}."),),
        "How many dollars does it cost to mail all of the {boxes}?",
    ),
)

STEPS = (*OPENERS, *ITEMS, *BOXES)
