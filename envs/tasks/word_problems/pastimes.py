"""Steps about reading, music, games, sewing, and how old people are."""

from envs.tasks.word_problems.grammar import FEW, Step

OPENERS = (
    Step("", "pages", "{name} reads {v} pages on Monday.", ranges={"v": range(2, 61)}, enters="reading"),
    Step(
        "",
        "pages",
        "{name} reads {a} pages a day for {b} days.",
        (("a*b", "In {b} days {name} reads {calc:page|pages}."),),
        ranges={"a": range(2, 31)},
        enters="reading",
    ),
    Step(
        "",
        "minutes",
        "{name} practices the piano for {v} minutes.",
        ranges={"v": range(2, 61)},
        enters="practicing",
    ),
    Step("", "points", "{name} scores {v} points in the first game.", ranges={"v": range(2, 41)}, enters="playing"),
    Step(
        "",
        "points",
        "{name} hits {a} targets for {b} points each.",
        (("a*b", "{name} scores {calc:point|points}."),),
        ranges={"a": FEW},
        enters="playing",
    ),
    Step(
        "",
        "ribbon",
        "{name} has a ribbon of {a} feet, each of them 12 inches long.",
        (("a*12", "The ribbon is {calc:inch|inches} long."),),
        ranges={"a": range(2, 9)},
        enters="sewing",
    ),
    Step("", "ribbon", "{name} has a ribbon of {v} inches.", ranges={"v": range(4, 61)}, enters="sewing"),
    Step("", "age", "{name} is {v} years old.", ranges={"v": range(3, 16)}, enters="family"),
)

READING = (
    Step(
        "pages",
        "pages",
        "{She} reads another {a} pages in bed.",
        (("v+a", "With those that makes {calc:page|pages}."),),
    ),
    Step(
        "pages",
        "pages",
        "By Sunday {she} reads as many pages again.",
        (("v*2", "Twice as many are {calc:page|pages}."),),
    ),
    Step(
        "pages",
        "pages",
        "{a} of the pages are pictures only and do not count as read.",
        (("v-a", "Without the pictures there are {calc:page|pages}."),),
    ),
    Step(
        "pages",
        "",
        "{Her} book has {a} pages.",
        (("a-v", "{calc:page|pages} are left."),),
        "How many pages are left?",
        ranges={"a": range(10, 301, 5)},
    ),
    Step(
        "pages",
        "",
        "{name} reads {b} pages an hour.",
        (("v/b", "The reading takes {calc:hour|hours}."),),
        "How many hours does the reading take?",
        ranges={"b": range(2, 31)},
    ),
    Step(
        "pages",
        "",
        "Every chapter has {b} pages.",
        (("v/b", "{name} reads {calc:chapter|chapters}."),),
        "How many chapters does {name} read?",
    ),
)

MUSIC = (
    Step("minutes", "minutes", "{She} sings for another {a} minutes.", (("v+a", "That is {calc:minute|minutes}."),)),
    Step(
        "minutes",
        "minutes",
        "{a} of the minutes are breaks, which do not count as practice.",
        (("v-a", "Without the breaks {calc:minute|minutes} are left."),),
    ),
    Step(
        "minutes",
        "minutes",
        "{She} repeats this until {she} has done it {b} times.",
        (("v*b", "{b} times that is {calc:minute|minutes}."),),
    ),
    Step(
        "minutes",
        "",
        "Playing one song takes {b} minutes.",
        (("v/b", "The time is enough for {calc:song|songs}."),),
        "For how many songs is the time enough?",
    ),
    Step(
        "minutes",
        "",
        "{Her} teacher asks for {a} minutes.",
        (("a-v", "{calc:minute|minutes} are missing."),),
        "How many more minutes does {name} have to practice?",
        ranges={"a": range(10, 301, 5)},
    ),
)

POINTS = (
    Step(
        "points",
        "points",
        "In the next game {she} scores {a} points.",
        (("v+a", "With the next game that makes {calc:point|points}."),),
    ),
    Step("points", "points", "A foul costs {him} {a} points.", (("v-a", "The foul leaves {calc:point|points}."),)),
    Step("points", "points", "A bonus doubles {her} points.", (("v*2", "The bonus makes it {calc:point|points}."),)),
    Step(
        "points",
        "points",
        "{She} throws {a} balls into a basket for {b} points each.",
        (("a*b", "The balls bring {calc:point|points}."), ("v+x", "Now {name} has {calc:point|points}.")),
        ranges={"a": FEW},
    ),
    Step(
        "points",
        "",
        "{name} needs {a} points to win.",
        (("a-v", "{calc:point|points} are missing."),),
        "How many more points does {name} need?",
        ranges={"a": range(5, 301, 5)},
    ),
    Step(
        "points",
        "",
        "{friend} has {b} times as many points as {name}.",
        (("v*b", "{friend} has {calc:point|points}."), ("v+x", "Together they have {calc:point|points}.")),
        "How many points do they have together?",
    ),
)

SEWING = (
    Step("ribbon", "ribbon", "{She} cuts off {a} inches of the ribbon.", (("v-a", "That leaves {calc:inch|inches}."),)),
    Step("ribbon", "ribbon", "{She} uses half of the ribbon for a dress.", (("v/2", "{calc:inch|inches} are left."),)),
    Step(
        "ribbon", "ribbon", "{She} sews {a} more inches to the ribbon.", (("v+a", "It grows to {calc:inch|inches}."),)
    ),
    Step(
        "ribbon",
        "",
        "{She} cuts the ribbon into pieces of {b} inches.",
        (("v/b", "{name} gets {calc:piece|pieces}."),),
        "How many pieces does {name} get?",
    ),
)

AGES = (
    Step("age", "mother", "{Her} mother is {b} times as old.", (("v*b", "{Her} mother is {calc} years old."),)),
    Step(
        "age",
        "mother",
        "{Her} mother was {a} years old when {name} was born.",
        (("v+a", "{Her} mother is {calc} years old."),),
        ranges={"a": range(5, 41)},
    ),
    Step("mother", "father", "{Her} father is {a} years older.", (("v+a", "{Her} father is {calc} years old."),)),
    Step("mother", "father", "{Her} father is {a} years younger.", (("v-a", "{Her} father is {calc} years old."),)),
    Step(
        "age",
        "",
        "{friend} is {a} years older than {name}.",
        (("v+a", "{friend} is {calc} years old."),),
        "How old is {friend}?",
    ),
    Step("age", "", "", (("v+a", "Then {name} will be {calc}."),), "How old will {name} be in {a} years?"),
    Step("father", "", "", (("v-a", "Then {her} father was {calc}."),), "How old was {her} father {a} years ago?"),
)

STEPS = (*OPENERS, *READING, *MUSIC, *POINTS, *SEWING, *AGES)
