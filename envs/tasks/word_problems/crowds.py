"""Steps about places that fill and empty: a bus, a water tank, a theater."""

from envs.tasks.word_problems.grammar import FEW, PERCENT, Step

OPENERS = (
    Step("", "riders", "A {item} starts with {v} passengers.", ranges={"v": range(2, 61)}, enters="bus"),
    Step("", "water", "A {item} contains {v} liters of water.", ranges={"v": range(4, 101)}, enters="water"),
    Step(
        "",
        "water",
        "A pump fills an empty {item} with {a} liters of water a minute for {b} minutes.",
        (("a*b", "The pump brings {calc:liter|liters}."),),
        ranges={"a": range(2, 21)},
        enters="water",
    ),
    Step(
        "",
        "seats",
        "A {item} has {a} rows of {b} seats.",
        (("a*b", "The {item} has {calc:seat|seats}."),),
        ranges={"a": FEW, "b": range(2, 21)},
        enters="theater",
    ),
    Step("", "seats", "A {item} has {v} seats.", ranges={"v": range(4, 101)}, enters="theater"),
)

BUS = (
    Step("riders", "riders", "At the market {a} people get on.", (("v+a", "After the market there are {calc}."),)),
    Step("riders", "riders", "At the station {a} people get off.", (("v-a", "After the station there are {calc}."),)),
    Step(
        "riders",
        "riders",
        "At the park {a} people get off and {b} get on.",
        (("v-a+b", "After the park there are {calc:passenger|passengers}."),),
    ),
    Step("riders", "riders", "At the school half of the passengers get off.", (("v/2", "The other half is {calc}."),)),
    Step("riders", "riders", "At the zoo the number of passengers doubles.", (("v*2", "It rises to {calc}."),)),
    Step(
        "riders",
        "riders",
        "At the harbor {a} groups of {b} people get on.",
        (
            ("a*b", "The groups have {calc:person|people}."),
            ("v+x", "With them the bus has {calc:passenger|passengers}."),
        ),
        ranges={"a": range(2, 6)},
    ),
    Step(
        "riders",
        "riders",
        "At the museum {a}% of the passengers get off.",
        (("v*a/100", "At the museum {calc} get off."), ("v-x", "That leaves {calc:passenger|passengers}.")),
        ranges={"a": PERCENT},
    ),
    Step(
        "riders",
        "",
        "Each of the passengers now on the bus pays ${b}.",
        (("v*b", "They pay {calc:$}."),),
        "How many dollars do these passengers pay in all?",
    ),
    Step(
        "riders",
        "",
        "The bus has {a} seats, and all passengers sit.",
        (("a-v", "{calc:seat|seats} stay empty."),),
        "How many seats are empty now?",
        ranges={"a": range(10, 301, 5)},
    ),
)

WATER = (
    Step("water", "water", "Rain adds {a} liters.", (("v+a", "With the rain there are {calc:liter|liters}."),)),
    Step("water", "water", "A gardener takes out {a} liters.", (("v-a", "That leaves {calc:liter|liters}."),)),
    Step(
        "water", "water", "A truck then doubles the water in the {item}.", (("v*2", "Now it is {calc:liter|liters}."),)
    ),
    Step(
        "water",
        "water",
        "The cows drink a quarter of the water in the {item}.",
        (("v*3/4", "The cows leave three quarters, {calc:liter|liters}."),),
    ),
    Step(
        "water",
        "water",
        "Then the {item} leaks {b} liters an hour for {a} hours.",
        (("a*b", "It loses {calc:liter|liters}."), ("v-x", "After the leak there are {calc:liter|liters}.")),
        ranges={"a": FEW},
    ),
    Step(
        "water",
        "water",
        "A farmer pours in {a} buckets of {b} liters.",
        (("a*b", "The buckets hold {calc:liter|liters}."), ("v+x", "With them there are {calc:liter|liters}.")),
        ranges={"a": FEW},
    ),
    Step(
        "water",
        "",
        "The water is shared by trees that need {b} liters each.",
        (("v/b", "The water is enough for {calc:tree|trees}."),),
        "For how many trees is the water enough?",
    ),
    Step(
        "water",
        "",
        "When it is full, the {item} holds {a} liters.",
        (("a-v", "There is room for {calc:liter|liters}."),),
        "How many more liters fit into the {item}?",
        ranges={"a": range(10, 401, 10)},
    ),
)

THEATER = (
    Step("seats", "seats", "{a} more seats are carried in.", (("v+a", "That makes {calc:seat|seats}."),)),
    Step("seats", "seats", "{a} of the seats break and are removed.", (("v-a", "{calc:seat|seats} remain."),)),
    Step("seats", "seats", "A new balcony doubles the number of seats.", (("v*2", "Now it is {calc:seat|seats}."),)),
    Step(
        "seats",
        "seats",
        "{a} benches with {b} seats each are added.",
        (("a*b", "The benches have {calc:seat|seats}."), ("v+x", "With the benches there are {calc:seat|seats}.")),
        ranges={"a": FEW},
    ),
    Step(
        "seats",
        "",
        "{a} visitors come and sit down.",
        (("v-a", "{calc:seat|seats} stay empty."),),
        "How many seats stay empty?",
    ),
    Step(
        "seats",
        "",
        "Every seat is sold for ${b}.",
        (("v*b", "The tickets bring in {calc:$}."),),
        "How many dollars do all the seats bring in?",
    ),
    Step(
        "seats",
        "",
        "{a}% of the seats are taken.",
        (("v*a/100", "{calc:seat|seats} are taken."),),
        "How many seats are taken?",
        ranges={"a": PERCENT},
    ),
)

STEPS = (*OPENERS, *BUS, *WATER, *THEATER)
