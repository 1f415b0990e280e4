"""Counters for Prometheus; they hold no text, no names and no community."""

from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from moderation.health import Health

LANES = ("answer", "placement", "review")


class Metrics:
    """What one process counted since it started."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "klankbord_requests", "Requests.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram("klankbord_request_seconds", "Time to answer.", ["route"], registry=self.registry)
        self.posts = Counter("klankbord_posts", "Post records by outcome.", ["status"], registry=self.registry)

    def render(self, health: Health | None, *, now: datetime) -> bytes:
        """The page for Prometheus.

        Parameters
        ----------
        health : None = the database does not answer; its figures are left out then, never 0.
        """
        page = generate_latest(self.registry)
        if health is None:
            return page
        figures = CollectorRegistry()
        figures.register(_HealthFigures(health, now))
        return page + generate_latest(figures)


class _HealthFigures(Collector):
    def __init__(self, health: Health, now: datetime) -> None:
        self._health, self._now = health, now

    def collect(self) -> Iterable[GaugeMetricFamily]:
        backlog = self._health.backlog
        yield _gauge("klankbord_waiting_posts", "Posts that wait for their scores.", backlog.n_waiting_posts)
        yield _gauge("klankbord_oldest_waiting_seconds", "Of those posts.", self._seconds(backlog.oldest_waiting_at))
        yield _gauge("klankbord_oldest_job_seconds", "Of the jobs that wait.", self._seconds(backlog.oldest_job_at))
        yield _gauge("klankbord_failed_jobs", "Jobs that were given up.", backlog.n_failed_jobs)
        yield _gauge("klankbord_not_scored_posts", "Posts that could not be scored.", backlog.n_failed_posts)
        lanes = GaugeMetricFamily("klankbord_open_flags", "Items in the queue.", labels=["lane"])
        for lane in LANES:
            lanes.add_metric([lane], backlog.n_open_flags.get(lane, 0))
        yield lanes

    def _seconds(self, since: datetime | None) -> float:
        return 0.0 if since is None else max(0.0, (self._now - since).total_seconds())


def _gauge(name: str, help_text: str, figure: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, help_text, value=figure)
