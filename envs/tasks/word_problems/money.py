"""Steps about money that one has, earns or pays."""

from envs.tasks.word_problems.grammar import FEW, PERCENT, SOME, Step

OPENERS = (
    Step("", "money", "{name} has saved ${v}.", ranges={"v": range(5, 101)}, enters="saving"),
    Step(
        "",
        "money",
        "{name} saves ${a} a week for {b} weeks.",
        (("a*b", "{name} saves {calc:$}."),),
        ranges={"a": FEW},
        enters="saving",
    ),
    Step(
        "",
        "money",
        "{name} earns ${a} an hour and works for {b} hours.",
        (("a*b", "{name} earns {calc:$}."),),
        ranges={"a": range(2, 21)},
        enters="working",
    ),
    Step(
        "",
        "money",
        "{name} has ${a} and gets ${b} from {her} {uncle}.",
        (("a+b", "{name} has {calc:$}."),),
        ranges={"b": SOME},
        enters="saving",
    ),
    Step(
        "",
        "cost",
        "{name} buys {a:{N}} at ${b} each.",
        (("a*b", "The {items} cost {calc:$}."),),
        ranges={"a": FEW},
        enters="shopping",
    ),
    Step("", "cost", "{name} buys {thing} for ${v}.", ranges={"v": range(2, 61)}, enters="shopping"),
)

MONEY = (
    Step("money", "money", "{She} spends ${a} on {thing}.", (("v-a", "{name} has {calc:$} left."),)),
    Step("money", "money", "{She} pays back ${a} that {she} owes {friend}.", (("v-a", "That leaves {calc:$}."),)),
    Step("money", "money", "{She} earns ${a} by washing a car.", (("v+a", "Now {name} has {calc:$}."),)),
    Step("money", "money", "{She} finds ${a} in an old coat.", (("v+a", "With this {name} has {calc:$}."),)),
    Step("money", "money", "{Her} {uncle} doubles the money.", (("v*2", "Now it is {calc:$}."),)),
    Step(
        "money",
        "",
        "{She} puts half of the money in the bank and the rest in {her} purse.",
        (("v/2", "The purse holds {calc:$}."),),
        "How many dollars are in the purse?",
    ),
    Step("money", "money", "{She} spends half of the money on {thing}.", (("v/2", "{name} keeps {calc:$}."),)),
    Step(
        "money",
        "money",
        "{She} gives a quarter of the money to {friend}.",
        (("v*3/4", "Three quarters are left, {calc:$}."),),
    ),
    Step(
        "money",
        "money",
        "{She} spends {a}% of the money on food.",
        (("v*a/100", "The food costs {calc:$}."), ("v-x", "That leaves {calc:$}.")),
        ranges={"a": PERCENT},
    ),
    Step(
        "money",
        "money",
        "{She} buys {a} tickets for ${b} each.",
        (("a*b", "The tickets cost {calc:$}."), ("v-x", "{name} is left with {calc:$}.")),
        ranges={"a": FEW},
    ),
    Step(
        "money",
        "money",
        "{She} mows {a} lawns for ${b} each.",
        (("a*b", "The lawns bring in {calc:$}."), ("v+x", "Then {name} has {calc:$}.")),
        ranges={"a": FEW},
    ),
    Step(
        "money",
        "money",
        "For {b} weeks {she} saves another ${a} a week.",
        (("a*b", "In {b} weeks {name} saves {calc:$}."), ("v+x", "Then {name} has {calc:$}.")),
        ranges={"a": FEW},
    ),
    Step(
        "money",
        "money",
        "{She} takes the money to a bank, which adds {a}% in a year.",
        (("v*a/100", "The bank adds {calc:$}."), ("v+x", "After a year there are {calc:$}.")),
        ranges={"a": (5, 10, 20)},
    ),
    Step(
        "money",
        "items",
        "{She} spends all of the money on {items} that cost ${b} each.",
        (("v/b", "{name} gets {calc:{N}}."),),
        enters="shopping",
    ),
    Step(
        "money",
        "",
        "{She} divides the money equally among {b} cousins.",
        (("v/b", "Each cousin gets {calc:$}."),),
        "How many dollars does each cousin get?",
    ),
    Step(
        "money",
        "",
        "{name} wants a bicycle that costs ${a}.",
        (("a-v", "{name} needs {calc:$} more."),),
        "How many more dollars does {name} need?",
        ranges={"a": range(10, 301, 5)},
    ),
    Step(
        "money",
        "",
        "{friend} has {b} times as much money as {name}.",
        (("v*b", "{friend} has {calc:$}."),),
        "How many dollars does {friend} have?",
    ),
    Step(
        "money",
        "",
        "{friend} has ${a} less than {name}.",
        (("v-a", "{friend} has {calc:$}."), ("v+x", "Together they have {calc:$}.")),
        "How many dollars do they have together?",
    ),
)

COST = (
    Step("cost", "cost", "{She} also buys {thing} for ${a}.", (("v+a", "That brings the price to {calc:$}."),)),
    Step(
        "cost",
        "cost",
        "{She} also buys {a} tickets for ${b} each.",
        (("a*b", "The tickets cost {calc:$}."), ("v+x", "That makes {calc:$} in all.")),
        ranges={"a": FEW},
    ),
    Step("cost", "cost", "A coupon takes ${a} off the price.", (("v-a", "The price falls to {calc:$}."),)),
    Step("cost", "cost", "A special offer halves the price.", (("v/2", "The price becomes {calc:$}."),)),
    Step(
        "cost",
        "cost",
        "The tax adds {a}% to the price.",
        (("v*a/100", "The tax is {calc:$}."), ("v+x", "With the tax that makes {calc:$}.")),
        ranges={"a": (5, 10, 20)},
    ),
    Step(
        "cost",
        "cost",
        "{friend} pays a quarter of the price and {name} the rest.",
        (("v*3/4", "{name} pays three quarters, {calc:$}."),),
    ),
    Step(
        "cost",
        "",
        "{b} people share the price equally.",
        (("v/b", "Each of them pays {calc:$}."),),
        "How many dollars does each of them pay?",
    ),
    Step(
        "cost",
        "",
        "{She} pays with ${a}.",
        (("a-v", "{name} gets {calc:$} back."),),
        "How many dollars does {name} get back?",
        ranges={"a": (10, 20, 50, 100, 200, 500)},
    ),
)

STEPS = (*OPENERS, *MONEY, *COST)
