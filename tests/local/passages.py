"""Twenty pairs of passages that differ in one point, and a question that only one of each pair answers."""

PAIRS = [
    (
        "Coats bought at Brightwater Outfitters may be returned within thirty days of delivery, with the receipt.",
        "How long do I have to send back a coat I bought?",
        "Boots bought at Brightwater Outfitters cannot be returned once they have been worn outdoors.",
        "May I bring back boots that I have already worn outside?",
    ),
    (
        "The last ferry to the northern islands leaves the south terminal at 18:40 from May to September.",
        "When does the final boat to the islands depart in summer?",
        "In winter there is one ferry a day to the northern islands, at noon, and none on Sundays.",
        "How often do boats go to the islands in winter?",
    ),
    (
        "The guest wireless network of the office is called calder-visitor; its password changes every Monday.",
        "How does a visitor get online at the company?",
        "Employees join the wireless network calder-staff with the certificate on their badge.",
        "What do staff use to connect to the wifi?",
    ),
    (
        "Octopuses have blue blood because they carry oxygen with hemocyanin, which contains copper.",
        "Why is the blood of an octopus blue?",
        "Octopuses have three hearts: two pump blood through the gills and one through the body.",
        "How many hearts does an octopus have?",
    ),
    (
        "Mount Kilimanjaro in Tanzania rises 5,895 metres above the sea and is the highest mountain of Africa.",
        "How tall is the highest mountain of Africa?",
        "Most climbers of Kilimanjaro take the Machame route, which needs six or seven days.",
        "Which path do most people walk up Kilimanjaro?",
    ),
    (
        "Rye bread dough rests for twelve hours in a cool place before it is shaped.",
        "How long does the dough of rye bread have to rest?",
        "Rye bread is baked for fifty minutes at 220 degrees, the first ten of them with steam.",
        "At what temperature is rye bread baked?",
    ),
    (
        "The city library lends books for four weeks; a loan may be renewed twice.",
        "For how many weeks can I borrow a novel?",
        "The city library charges twenty cents a day for each book that comes back late.",
        "What does it cost to bring a borrowed volume back too late?",
    ),
    (
        "The medicine must be kept in a refrigerator and thrown away a month after opening.",
        "Where should the medicine be stored?",
        "Adults take two spoons of the medicine after breakfast; children under six must not take it.",
        "Can a four-year-old have the medicine?",
    ),
    (
        "Python lists keep their items in order and can be changed after they were made.",
        "Which kind of sequence can be modified in Python?",
        "Python tuples keep their items in order but cannot be changed after they were made.",
        "Which kind of sequence stays as it is in Python?",
    ),
    (
        "The heating of the flat is serviced every autumn at the landlord's expense.",
        "Who pays for the yearly service of the heating?",
        "The tenant pays for small repairs in the flat of up to one hundred euros each.",
        "Who pays when a tap of the flat needs a small repair?",
    ),
    (
        "Emperor penguins breed in the Antarctic winter, and the male alone keeps the egg warm.",
        "Which parent of the emperor penguin warms the egg?",
        "Emperor penguins dive deeper than any other bird, to more than five hundred metres.",
        "How deep do the deepest diving birds go?",
    ),
    (
        "Train tickets at the reduced fare are not refunded, and hold only for the train printed on them.",
        "Can I get my money back for a cheap train ticket?",
        "Bicycles travel free on trains after nine in the morning, except in July and August.",
        "May I take my bike along by rail without paying?",
    ),
    (
        "The Romans built the aqueduct of Segovia without mortar in the first century.",
        "When was the aqueduct of Segovia built?",
        "The aqueduct of Segovia brought water from the river Frio, seventeen kilometres away.",
        "Where did the water of the aqueduct come from?",
    ),
    (
        "Venus is the hottest planet because its thick air of carbon dioxide traps the heat.",
        "Why is it so hot on Venus?",
        "A day on Venus is longer than its year, since the planet turns very slowly.",
        "Which lasts longer on Venus, a day or a year?",
    ),
    (
        "To reset the router, hold the small button at the back for ten seconds until the light blinks red.",
        "How do I put the router back to its factory state?",
        "A green light at the front of the router says that it is connected to the internet.",
        "What does the green lamp on the router mean?",
    ),
    (
        "The violin has four strings, tuned a fifth apart, and is the smallest of its family.",
        "How many strings does the smallest instrument of the violin family have?",
        "The best violin bows are strung with the hair of horses and made of pernambuco wood.",
        "What are good bows for the violin made of?",
    ),
    (
        "The marathon of the town starts at eight in front of the town hall; latecomers may start until nine.",
        "At what time does the race begin?",
        "Runners of the town's marathon find water every five kilometres and fruit at the half.",
        "Where on the course can I drink something?",
    ),
    (
        "Tomatoes need at least six hours of sun a day and should not be watered on their leaves.",
        "How much sunlight do tomato plants want?",
        "Tomato plants are grown indoors from March and moved to the garden after the last frost.",
        "When can I plant my tomatoes outside?",
    ),
    (
        "The museum is closed on Mondays and on the first of January.",
        "On which day of the week can the museum not be visited?",
        "The museum is free for everybody under eighteen and on the first Sunday of the month.",
        "Does a child have to pay for the museum?",
    ),
    (
        "Coffee beans from Ethiopia are dried in the sun in their fruit, which makes them taste of berries.",
        "Why does Ethiopian coffee taste of berries?",
        "Coffee keeps its taste longest as whole beans in a closed tin, away from light.",
        "How should I store coffee so that it stays fresh?",
    ),
]
"""(passage, its question, near-duplicate passage, its question)."""
