"""Steps about work, ways, trips, books and games: what one person does over some time."""

from envs.tasks.word_problems.grammar import FEW, Step

_HOURS = range(2, 13)

OPENERS = (
    Step("", "hours", "{name} works {v} hours on Monday.", ranges={"v": _HOURS}, enters="working"),
    Step(
        "",
        "hours",
        "{name} works {a} hours a day for {b} days.",
        (("a*b", "In {b} days {name} works {calc:hour|hours}."),),
        ranges={"a": FEW},
        enters="working",
    ),
    Step("", "way", "{name} cycles {v} miles in the morning.", ranges={"v": range(2, 41)}, enters="cycling"),
    Step("", "way", "{name} hikes {v} miles on the first day.", ranges={"v": range(2, 21)}, enters="hiking"),
    Step(
        "",
        "way",
        "{name} cycles {a} miles a day for {b} days.",
        (("a*b", "{name} cycles {calc:mile|miles}."),),
        ranges={"a": range(2, 16)},
        enters="cycling",
    ),
    Step("", "road", "{name} drives {v} miles to the sea.", ranges={"v": range(4, 121)}, enters="driving"),
    Step(
        "",
        "days",
        "{name} goes on a trip for {a} weeks.",
        (("a*7", "{a} weeks are {calc:day|days}."),),
        ranges={"a": FEW},
        enters="traveling",
    ),
    Step("", "days", "{name} goes on a trip for {v} days.", ranges={"v": range(2, 22)}, enters="traveling"),
)

WORK = (
    Step(
        "hours",
        "hours",
        "{She} works another {a} hours for a neighbor.",
        (("v+a", "With those that makes {calc:hour|hours}."),),
        ranges={"a": _HOURS},
    ),
    Step(
        "hours",
        "hours",
        "The next week {she} works as many hours again.",
        (("v*2", "Twice as many are {calc:hour|hours}."),),
    ),
    Step(
        "hours",
        "hours",
        "{a} of these hours are breaks, which do not count as work.",
        (("v-a", "Without the breaks there are {calc:hour|hours}."),),
        ranges={"a": FEW},
    ),
    Step("hours", "money", "{name} is paid ${b} an hour.", (("v*b", "{name} earns {calc:$}."),)),
    Step(
        "hours",
        "",
        "{name} needs {b} hours to build a chair.",
        (("v/b", "{name} builds {calc:chair|chairs} in this time."),),
        "How many chairs does {name} build in this time?",
    ),
)

WAYS = (
    Step(
        "way",
        "way",
        "{She} {gets} another {a} miles with {friend}.",
        (("v+a", "With those that makes {calc:mile|miles}."),),
    ),
    Step(
        "way",
        "way",
        "{She} {gets} the whole way back.",
        (("v*2", "There and back that makes {calc:mile|miles}."),),
    ),
    Step(
        "way",
        "way",
        "The next week {she} {gets} a total of {a} miles every day for {b} days.",
        (("a*b", "In {b} days that is {calc:mile|miles}."), ("v+x", "In all that makes {calc:mile|miles}.")),
        ranges={"a": FEW},
    ),
    Step(
        "way",
        "trip",
        "{Her} speed is {b} miles an hour.",
        (("v/b", "{name} needs {calc:hour|hours}."),),
        ranges={"b": range(2, 16)},
    ),
    Step(
        "way",
        "",
        "{friend} covers {b} times this distance.",
        (("v*b", "{friend} covers {calc:mile|miles}."),),
        "How many miles does {friend} cover?",
    ),
    Step(
        "way",
        "",
        "{name} wants to cover {a} miles in all.",
        (("a-v", "{calc:mile|miles} are still to go."),),
        "How many more miles does {name} have to cover?",
        ranges={"a": range(5, 301, 5)},
    ),
    Step(
        "trip",
        "trip",
        "{She} also rests for {a} hours.",
        (("v+a", "With the rest that makes {calc:hour|hours}."),),
        ranges={"a": FEW},
    ),
    Step("trip", "", "", (("v*60", "That is {calc:minute|minutes}."),), "How many minutes does {name} need in all?"),
    Step("road", "road", "{She} drives the same way back.", (("v*2", "Both ways are {calc:mile|miles}."),)),
    Step(
        "road",
        "road",
        "Along the way {she} makes a detour of {a} miles.",
        (("v+a", "With the detour that makes {calc:mile|miles}."),),
    ),
    Step(
        "road",
        "road",
        "A new tunnel shortens the drive by {a} miles.",
        (("v-a", "With the tunnel there are {calc:mile|miles} to drive."),),
    ),
    Step(
        "road",
        "trip",
        "{name} drives {b} miles every hour.",
        (("v/b", "{name} drives for {calc:hour|hours}."),),
        ranges={"b": range(5, 61, 5)},
    ),
    Step(
        "road",
        "gallons",
        "{Her} car needs one gallon of gas for every {b} miles.",
        (("v/b", "The car needs {calc:gallon|gallons}."),),
        ranges={"b": range(5, 41)},
    ),
    Step(
        "gallons",
        "",
        "The tank still holds {a} gallons.",
        (("v-a", "{calc:gallon|gallons} are missing."),),
        "How many more gallons does the car need?",
    ),
    Step("gallons", "cost", "A gallon costs ${b}.", (("v*b", "The gas costs {calc:$}."),)),
)

DAYS = (
    Step(
        "days",
        "days",
        "{She} stays {a} days longer than planned.",
        (("v+a", "That makes {calc:day|days}."),),
        ranges={"a": FEW},
    ),
    Step(
        "days",
        "days",
        "{She} comes home {a} days early.",
        (("v-a", "{name} is away for {calc:day|days}."),),
        ranges={"a": FEW},
    ),
    Step("days", "cost", "{name} pays ${b} for every day.", (("v*b", "All the days together cost {calc:$}."),)),
    Step(
        "days",
        "items",
        "{name} collects {b:{N}} on every day of the trip.",
        (("v*b", "{name} collects {calc:{N}}."),),
        enters="collecting",
    ),
    Step(
        "days",
        "",
        "{name} drinks {b} glasses of water a day.",
        (("v*b", "{name} drinks {calc:glass|glasses}."),),
        "How many glasses of water does {name} drink on the trip?",
    ),
)

STEPS = (*OPENERS, *WORK, *WAYS, *DAYS)
