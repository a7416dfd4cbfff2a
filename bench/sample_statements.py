"""What a careful reader keeps of the sample chat (bot/cli/sample), written by hand for the pictures."""

from __future__ import annotations

from bench.hand_written import Written

STATEMENTS = tuple(
    Written(*statement)
    for statement in (
        ("topic", "The date, hours and budget of the open day", (7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18)),
        ("topic", "Laser settings for 4 mm birch plywood", (25, 26, 27, 28, 29, 31)),
        ("topic", "The left 3D printer stops with a thermal error", (32, 33, 34, 35, 36)),
        ("topic", "Folding tables, van and extension leads for the open day", (46, 47, 49, 50, 51, 53, 54)),
        ("topic", "Flyers for the open day: text, printer and price", (60, 61, 62, 63, 64, 65, 66)),
        ("topic", "Who runs which station at the open day", (69, 70, 71, 72, 73, 74, 75, 76, 77)),
        ("topic", "Badge kits and material for the stations", (78, 79, 80, 81, 82, 83)),
        ("topic", "Children at the laser", (86, 87, 88)),
        (
            "topic",
            "Moving the open day to 21 June because of the street festival",
            (104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115),
        ),
        ("topic", "Proofreading and ordering the flyers", (117, 120, 121, 122, 123, 127, 128, 129)),
        ("topic", "The left soldering station runs too hot", (136, 137, 138, 139)),
        ("topic", "A new cutting mat", (140, 141, 142, 143, 144)),
        ("topic", "The membership fee from September on", (148, 149, 150, 151, 152, 153, 154, 155, 157, 158)),
        ("topic", "Food and drinks at the open day", (167, 168, 169, 170, 171, 172, 175, 176, 177)),
        ("topic", "Open points three weeks before the open day", (194, 195, 196, 197, 198, 199, 200, 201, 202, 206)),
        ("decision", "The open day is on Sunday 14 June, 11:00 to 17:00.", (13,)),
        (
            "decision",
            "The open day may cost 400 euro at most; the rest of the events account is for the autumn.",
            (17, 18),
        ),
        ("plan", "{Ines} writes the flyer text, with a draft by next Friday.", (23, 24)),
        ("answer", "For 4 mm birch plywood the laser takes speed 18, power 62, two passes, air assist on.", (26,)),
        (
            "answer",
            "The left 3D printer stops with a thermal error when the thermistor cable comes loose: push it back in and "
            "add a zip tie.",
            (35, 36),
        ),
        ("answer", "New bandsaw blades, 6 tpi, are in drawer 7.", (39,)),
        ("plan", "{Kofi} drives the van that picks up the tables at the library, Saturday 13 June at 14:00.", (51, 52)),
        ("plan", "{Tobias} brings six drums of extension leads to the open day.", (54,)),
        ("decision", "The flyers are printed at druckwerk: 250 flyers A6 for 39 euro.", (61, 62, 63)),
        ("link", "Flyers at druckwerk: https://druckwerk.example/flyers", (61,)),
        (
            "decision",
            "At the open day {Priya} has soldering, {Tobias} wood, {Kofi} 3D printing, {Jun} the laser and {Ines} "
            "sewing from 13:00.",
            (75,),
        ),
        ("plan", "{Walter} sits at the door of the open day and counts heads.", (76, 77)),
        ("decision", "{Priya} ordered 60 badge kits at 1.90 each, arriving on 28 May.", (80, 82)),
        ("decision", "Children under 12 use the laser only with a parent.", (87, 88)),
        ("answer", "The filter bag of the dust extractor is changed when the gauge is over 2.5.", (90,)),
        (
            "answer",
            "Flux residue comes off a board with isopropanol 99 % and an old toothbrush, then compressed air.",
            (96, 97),
        ),
        ("answer", "For jeans the old Pfaff takes a 100/16 jeans needle and stitch length 3.", (99,)),
        (
            "decision",
            "The open day is now on Sunday 21 June, 11:00 to 17:00, because the street festival is on 14 June.",
            (104, 112),
            "14 June",
        ),
        (
            "plan",
            "{Kofi} drives the van that picks up the tables, Saturday 20 June at 14:00.",
            (114, 115),
            "13 June",
        ),
        ("plan", "{Mara} tells the newspaper about the open day.", (118, 119)),
        ("link", "The flyer draft: https://pad.example/openday-flyer", (120,)),
        ("decision", "{Ines} ordered 250 flyers at druckwerk for 39 euro; they come on 22 May.", (128, 129)),
        (
            "answer",
            "A soldering station that runs too hot is calibrated: hold both buttons for 5 seconds, then set the "
            "offset.",
            (137,),
        ),
        ("answer", "A spare 5M-375 belt for the lathe is in drawer 3.", (146,)),
        (
            "decision",
            "The membership fee is 18 euro a month from 1 September; students stay at 10 euro.",
            (157,),
        ),
        ("plan", "{Walter} writes the letter to the members about the fee.", (158,)),
        ("plan", "The neighbour of {Priya} runs a waffle stand at the open day and keeps the earnings.", (168, 169)),
        ("decision", "The waffle iron goes on fuse F4 and nothing else on it.", (171, 172)),
        ("plan", "{Mara} gets water and apple juice from the cash-and-carry.", (175,)),
        ("answer", "Key hooks outside are printed in PETG, because PLA gets soft in the sun.", (181,)),
        ("answer", "For 3 mm poplar the laser takes speed 25 and power 50, one pass.", (185,)),
        ("decision", "If it rains, the wood station moves into the hall.", (196, 197)),
        ("plan", "The cousin of {Jun} takes photos at the open day.", (199, 200)),
        ("plan", "{Walter} locks up after the open day.", (201, 202)),
        ("plan", "Everybody meets on Sunday 21 June at 9:00 to set up, coffee included.", (206, 208)),
        ("question", "Who brings the glitter to the open day?", (203,)),
    )
)
