"""A purpose text for each of the twenty newsgroups, as a community manager would write it; none quotes a post."""

from collections.abc import Mapping

NEWSGROUP_PURPOSES: Mapping[str, str] = {
    "alt.atheism": (
        "A place to discuss atheism: why people do not believe in a god, arguments for and against the existence of "
        "gods, morality without religion, and living as an unbeliever among believers."
    ),
    "comp.graphics": (
        "About computer graphics: image file formats and how to convert them, drawing and rendering programs, 3D "
        "modelling, ray tracing, animation, colour and the algorithms behind them."
    ),
    "comp.os.ms-windows.misc": (
        "Help with Microsoft Windows: installing and configuring it, drivers, fonts, memory, the file and program "
        "manager, and the applications that run under it."
    ),
    "comp.sys.ibm.pc.hardware": (
        "Hardware of IBM-compatible PCs: processors, mother boards, hard disks and controllers, memory, video cards, "
        "modems, buses, and what to do when they do not work together."
    ),
    "comp.sys.mac.hardware": (
        "Hardware of the Apple Macintosh: models and upgrades, memory, monitors, disk drives, printers, processors "
        "and accelerators, PowerBooks, and problems with them."
    ),
    "comp.windows.x": (
        "The X Window System: programming with Xlib, Xt and Motif, servers and window managers, displays, widgets, "
        "compiling and running X clients on workstations."
    ),
    "misc.forsale": (
        "Things for sale and wanted, from one person to another: computers, games, records, furniture, tickets and "
        "cars, with a description, the asking price and how to reach the seller."
    ),
    "rec.autos": (
        "Cars for those who drive and care for them: models and makes, engines, repairs and maintenance, tyres, "
        "insurance, dealers, prices and driving on the road."
    ),
    "rec.motorcycles": (
        "Motorcycles and riding: bikes and their engines, helmets and gear, technique and safety, trips, accidents, "
        "dealing with car drivers, and meeting other riders."
    ),
    "rec.sport.baseball": (
        "Baseball: teams, players, pitching and batting statistics, yesterday's games, managers, trades, the season "
        "and the best of all time."
    ),
    "rec.sport.hockey": (
        "Ice hockey: the NHL and other leagues, teams and players, the play-offs, goals and goalies, trades, "
        "coaches, rules and games on television."
    ),
    "sci.crypt": (
        "Cryptography: ciphers and keys, public-key encryption, the Clipper chip and key escrow, wire tapping, "
        "privacy, and what governments may know."
    ),
    "sci.electronics": (
        "Electronics: designing and building circuits, components, power supplies, amplifiers, radio, measuring, "
        "chips and where to find parts and schematics."
    ),
    "sci.med": (
        "Medicine and health: diseases and their symptoms, treatments and drugs, side effects, food and nutrition, "
        "research, doctors and what patients have experienced."
    ),
    "sci.space": (
        "Space flight and astronomy: rockets and shuttles, satellites, the space station, missions to the Moon and "
        "the planets, orbits, agencies and what it all costs."
    ),
    "soc.religion.christian": (
        "Christianity among those who believe or want to know: the Bible and what it says, God and Jesus, sin, "
        "prayer, churches and denominations, doctrine and daily life."
    ),
    "talk.politics.guns": (
        "The politics of guns: the right to bear arms, gun control laws, crime and self-defence, weapons, police and "
        "federal agents, and the courts."
    ),
    "talk.politics.mideast": (
        "The politics of the Middle East: Israel and its Arab neighbours, Palestinians, Turkey, Armenia and "
        "Azerbaijan, wars and massacres, history, human rights and peace."
    ),
    "talk.politics.misc": (
        "Politics of every kind: government and the president, taxes and the economy, health care, rights and "
        "freedoms, homosexuality, drugs, abortion, the left and the right."
    ),
    "talk.religion.misc": (
        "Religion of every kind: faiths and cults, prophets and scriptures, God and morality, Christians, Jews, "
        "Mormons and unbelievers in debate with each other."
    ),
}
