"""How long unhappy members wait, who answers, whether it was put right: response_times.json in words."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from moderation.reports.answered_words import HORIZON_SECONDS, within_words
from moderation.reports.charts import ChartStyle, TickedAxis, waiting_svg
from moderation.reports.content import Chart, Quote, Table, WaitGroup, WaitingSection
from moderation.reports.expected_part import expected_sentences, expected_table
from moderation.reports.outside_part import outside_sentences, outside_table
from moderation.reports.placed_words import placed_words
from moderation.reports.quotes import Quoter
from moderation.reports.trend_part import change_sentences, trend_chart
from moderation.reports.wording import DAY_SECONDS, Wording, read_moment
from moderation.response_times import MIN_DECIDED_EPISODES

CLOCKS = ("any", "staff", "peer")
WEEK_SECONDS = 7 * DAY_SECONDS
RECENT = timedelta(days=14)
"""Waits that began longer ago are listed apart: an answer to them comes late, and they are not where to begin."""
MAX_RECENT, MAX_OLDER, MAX_QUESTIONS = 25, 10, 15

Contents = Mapping[str, Any]


def waiting_section(times: Contents, quoter: Quoter, *, can_tell: bool) -> WaitingSection:
    """Say what response_times.json holds.

    Parameters
    ----------
    can_tell : whether negative word of mouth can be recognised in any of the community's languages.
    """
    wording = quoter.wording
    has_waits = times["clocks"]["any"]["n"] > 0
    return WaitingSection(
        lead=lead_sentence(times, wording, can_tell=can_tell),
        sentences=tuple(waiting_sentences(times, wording)) if has_waits else (),
        chart=waiting_chart(times["clocks"], wording) if has_waits else None,
        table=answered_table(times["clocks"], wording) if has_waits else None,
        corrected=tuple(corrected_sentences(times["corrected"], wording)) if has_waits else (),
        outside=tuple(outside_sentences(times, wording)),
        outside_table=outside_table(times, wording),
        trend=trend_chart(times, wording) if has_waits else None,
        changes=tuple(change_sentences(times, wording)),
        expected=tuple(expected_sentences(times, wording)),
        expected_table=expected_table(times, wording),
        open_groups=_open_groups(times, quoter),
        question_groups=_question_groups(times, quoter),
    )


def open_episodes(times: Contents) -> list[Contents]:
    """Episodes that still waited for an answer at the end of the data, the longest waiting first."""
    waiting = [episode for episode in times["episodes"] if episode["censored"] == "end"]
    return sorted(waiting, key=lambda episode: (episode["started_at"], episode["id"]))


def waited_seconds(times: Contents, episode: Contents) -> float:
    """How long an open episode had waited when the data ended."""
    return (read_moment(times["end_at"]) - read_moment(episode["started_at"])).total_seconds()


def recent_and_older(times: Contents) -> tuple[list[Contents], list[Contents]]:
    """Open episodes of the last 14 days, the longest waiting first, and the older ones, the newest first."""
    waiting = open_episodes(times)
    is_recent = [waited_seconds(times, episode) <= RECENT.total_seconds() for episode in waiting]
    recent = [episode for episode, recently in zip(waiting, is_recent, strict=True) if recently]
    return recent, waiting[: len(waiting) - len(recent)][::-1]


def wait_quote(times: Contents, episode: Contents, quoter: Quoter) -> Quote:
    """An open episode in its thread, with how long it has waited, how sure it is and what has come of it."""
    wording = quoter.wording
    parts = [
        wording.say("wait.for", duration=wording.duration(waited_seconds(times, episode))),
        wording.say("wait.unhappy", likelihood=wording.likelihood(episode["p_negative_wom"])),
    ]
    if episode["deflected_at"] is not None:
        parts.append(wording.say("wait.deflected"))
    elif episode["acknowledged_at"] is not None:
        parts.append(wording.say("wait.acknowledged"))
    if episode["n_amplifiers"]:
        parts.append(wording.count("wait.amplified", episode["n_amplifiers"]))
    parts += placed_words(times, episode["id"], quoter)
    return quoter.quote_in_thread(episode["id"], " · ".join(parts))


def lead_sentence(times: Contents, wording: Wording, *, can_tell: bool) -> str:
    """How many unhappy posts there are and what became of them, or why that is not known."""
    clock = times["clocks"]["any"]
    if not can_tell:
        return wording.say("waiting.cannot_tell")
    if not times["episodes"]:
        return wording.say("waiting.none")
    if clock["n"] == 0:
        return wording.count("waiting.no_authors", len(times["episodes"]))
    outcomes = [
        wording.count(f"waiting.{outcome}", clock[f"n_{outcome}"])
        for outcome in ("answered", "open", "deleted", "locked")
        if clock[f"n_{outcome}"] or outcome in ("answered", "open")
    ]
    return f"{wording.count('waiting.lead', clock['n'])} {wording.listed(outcomes)}."


def waiting_sentences(times: Contents, wording: Wording) -> list[str]:
    """How long it took and who answered first, with what was only a courtesy told apart."""
    clocks, episodes = times["clocks"], times["episodes"]
    said = [median_sentence(clocks[clock], wording, clock) for clock in CLOCKS]
    said[1:1] = _mean(clocks["any"], wording)
    said += _business_hours(times["staff_business_hours"], wording)
    said.append(_first_answers(episodes, wording))
    said += _courtesies(episodes, wording)
    amplified = [episode["n_amplifiers"] for episode in episodes if episode["n_amplifiers"]]
    if amplified:
        said.append(
            wording.count("waiting.amplified", len(amplified), amplifiers=wording.count("times", sum(amplified)))
        )
    if times["n_episodes_without_author"]:
        said.append(wording.count("waiting.without_author", times["n_episodes_without_author"]))
    return said


def _mean(clock: Contents, wording: Wording) -> list[str]:
    """The mean wait, cut off at a stated time, where the median is not reached."""
    if clock["median_seconds"] is not None or clock["restricted_mean_seconds"] is None:
        return []
    until, mean = wording.duration(clock["restricted_to_seconds"]), wording.duration(clock["restricted_mean_seconds"])
    return [] if mean == until else [wording.say("median.any.mean", until=until, duration=mean)]


def _business_hours(clock: Contents, wording: Wording) -> list[str]:
    """The staff clock that stands still outside opening hours; nothing where there are none."""
    if not clock["n"]:
        return []
    if clock["median_seconds"] is not None:
        return [wording.say("waiting.business", duration=wording.duration(clock["median_seconds"]))]
    return [wording.say("waiting.business.share", share=within_words(clock, "4h", wording))]


def median_sentence(clock: Contents, wording: Wording, name: str) -> str:
    """The median wait of one clock, or that it was not reached."""
    if clock["median_seconds"] is None:
        return wording.say(f"median.{name}.none")
    low, high = clock["median_ci"]
    said = wording.say(f"median.{name}", duration=wording.duration(clock["median_seconds"]))
    if low is None or high is None:
        return f"{said} {wording.say('median.unbounded')}"
    shortest, longest = wording.duration(low), wording.duration(high)
    return said if shortest == longest else f"{said} {wording.say('median.interval', low=shortest, high=longest)}"


def _first_answers(episodes: Sequence[Contents], wording: Wording) -> str:
    answered = [episode for episode in episodes if episode["first_answer_at"] is not None]
    by_staff = sum(episode["first_staff_answer_at"] == episode["first_answer_at"] for episode in answered)
    return wording.say(
        "waiting.first_answers",
        staff=wording.count("times", by_staff),
        peer=wording.count("times", len(answered) - by_staff),
    )


def _courtesies(episodes: Sequence[Contents], wording: Wording) -> list[str]:
    said = []
    for kind in ("deflected", "acknowledged"):
        met = [episode for episode in episodes if episode[f"{kind}_at"] is not None]
        unanswered = sum(episode["first_answer_at"] is None for episode in met)
        if met:
            said.append(wording.count(f"waiting.{kind}", len(met), unanswered=wording.number(unanswered)))
    return said


def waiting_chart(clocks: Contents, wording: Wording) -> Chart:
    """The share still waiting after each time, for each clock that has one."""
    drawn = {clock: clocks[clock]["curve"] for clock in CLOCKS if clocks[clock]["curve"]}
    said = " ".join(_curve_words(curve, wording, clock) for clock, curve in drawn.items())
    longest = max(curve[-1][0] for curve in drawn.values())
    until = WEEK_SECONDS if longest > HORIZON_SECONDS["72h"] else HORIZON_SECONDS["72h"]
    marks = [0, *HORIZON_SECONDS.values(), WEEK_SECONDS]
    title = wording.say("chart.waiting.title")
    curves = {wording.say(f"clock.{clock}"): [tuple(point) for point in curve] for clock, curve in drawn.items()}

    def draw(name: str, n_pixels: int, ticks: Sequence[float]) -> Any:
        shown = [tick for tick in ticks if tick <= until]
        times = TickedAxis(shown, [wording.duration(tick) if tick else "0" for tick in shown])
        style = ChartStyle(name, wording.language, f"{title}. {said}")
        return waiting_svg(curves, times=times, style=style, n_pixels=n_pixels)

    wide, narrow = draw("waiting-wide", 600, marks), draw("waiting-narrow", 262, [marks[0], *marks[2:]])
    return Chart(title=title, said=said, wide=wide, narrow=narrow)


def _curve_words(curve: Sequence[Sequence[float]], wording: Wording, clock: str) -> str:
    """What a curve says at the usual times."""
    known = [seconds for seconds in HORIZON_SECONDS.values() if seconds <= curve[-1][0] or curve[-1][1] == 0]
    if not known:
        return wording.say(f"chart.waiting.short.{clock}", duration=wording.duration(curve[-1][0]))
    points = [
        wording.say("chart.waiting.point", duration=wording.duration(s), share=wording.share(still_waiting(curve, s)))
        for s in known
    ]
    return wording.say(f"chart.waiting.{clock}", points=wording.listed(points))


def still_waiting(curve: Sequence[Sequence[float]], seconds: float) -> float:
    """The share still waiting after so many seconds, in [0, 1]."""
    return [share for at, share, *_ in curve if at <= seconds][-1]


def answered_table(clocks: Contents, wording: Wording) -> Table:
    """The share answered within an hour, four hours, a day and three days, by each clock."""
    return Table(
        caption=wording.say("answered.caption"),
        head=(wording.say("answered.within"), *(wording.say(f"clock.short.{clock}") for clock in CLOCKS)),
        rows=tuple(
            (wording.duration(seconds), *(within_words(clocks[clock], name, wording) for clock in CLOCKS))
            for name, seconds in HORIZON_SECONDS.items()
        ),
    )


def corrected_sentences(corrected: Contents, wording: Wording) -> list[str]:
    """How many episodes were put right, by whom, and what that means."""
    meaning = wording.say("corrected.meaning")
    if corrected["share"] is None:
        needed = wording.number(MIN_DECIDED_EPISODES)
        return [wording.count("corrected.too_few", corrected["n"], needed=needed), meaning]
    said = wording.count(
        "corrected.share",
        corrected["n"],
        corrected=wording.number(corrected["n_corrected"]),
        share=wording.share(corrected["share"]),
        interval=wording.between(*corrected["interval"]),
    )
    by = {who: wording.count("times", n) for who, n in corrected["by"].items()}
    who = [wording.say("corrected.by", **by)] if any(corrected["by"].values()) else []
    undecided = corrected["n_undecided"]
    return [said, *who, *([wording.count("corrected.undecided", undecided)] if undecided else []), meaning]


def _open_groups(times: Contents, quoter: Quoter) -> tuple[WaitGroup, ...]:
    recent, older = recent_and_older(times)
    groups = []
    if recent:
        quotes = [wait_quote(times, episode, quoter) for episode in recent[:MAX_RECENT]]
        groups.append(_group(quoter.wording.count("open.recent", len(recent)), quotes, len(recent), quoter.wording))
    if older:
        longest = quoter.wording.duration(waited_seconds(times, older[-1]))
        heading = quoter.wording.count("open.older", len(older), longest=longest)
        quotes = [wait_quote(times, episode, quoter) for episode in older[:MAX_OLDER]]
        groups.append(_group(heading, quotes, len(older), quoter.wording))
    return tuple(groups)


def recent_and_older_questions(times: Contents) -> tuple[list[Contents], list[Contents]]:
    """Unanswered questions of the last 14 days, the longest waiting first, and the older ones, the newest first."""
    ranked = sorted(times["unanswered_questions"], key=lambda question: -question["waiting_seconds"])
    is_recent = [question["waiting_seconds"] <= RECENT.total_seconds() for question in ranked]
    recent = [question for question, recently in zip(ranked, is_recent, strict=True) if recently]
    return recent, ranked[: len(ranked) - len(recent)][::-1]


def question_quote(times: Contents, question: Contents, quoter: Quoter) -> Quote:
    """A question in its thread, with how long it has waited and how sure it is that it is one."""
    wording = quoter.wording
    waits = wording.say("wait.for", duration=wording.duration(question["waiting_seconds"]))
    asks = wording.say("wait.question", likelihood=wording.likelihood(question["p_question"]))
    parts = [waits, asks, *placed_words(times, question["post_id"], quoter)]
    return quoter.quote_in_thread(question["post_id"], " · ".join(parts))


def _question_groups(times: Contents, quoter: Quoter) -> tuple[WaitGroup, ...]:
    recent, older = recent_and_older_questions(times)
    groups = []
    if recent:
        quotes = [question_quote(times, question, quoter) for question in recent[:MAX_QUESTIONS]]
        groups.append(
            _group(quoter.wording.count("questions.recent", len(recent)), quotes, len(recent), quoter.wording)
        )
    if older:
        longest = quoter.wording.duration(older[-1]["waiting_seconds"])
        heading = quoter.wording.count("questions.older", len(older), longest=longest)
        quotes = [question_quote(times, question, quoter) for question in older[:MAX_OLDER]]
        groups.append(_group(heading, quotes, len(older), quoter.wording))
    return tuple(groups)


def _group(heading: str, quotes: Sequence[Quote], n_all: int, wording: Wording) -> WaitGroup:
    return WaitGroup(heading, tuple(quotes), _more(n_all - len(quotes), wording))


def _more(n_left: int, wording: Wording) -> str | None:
    return wording.count("open.more", n_left) if n_left > 0 else None
