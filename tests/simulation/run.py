"""One run: run a story on our real code, let everything settle, and check each promise."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import override_settings

from listings.mapping import selection
from listings.mass_sync import run as mass_sync
from listings.mass_sync import starting
from listings.models import Crawl, Job, MassSync, Order, Parcel, Product, Rank, StoreOrderState
from listings.queue import jobs, retry_delay
from reverbsync import clock
from reverbsync.dispatch import wake
from reverbsync.http import outbound
from reverbsync.ratelimit import fallback
from reverbsync.redis import connection as redis
from reverbsync.security.redaction import RedactingFormatter
from shops import breaker_snapshot, lifecycle, recheck, reverb_connection, store_connection
from shops.models import Person, Shop, StoreConnection, SyncSettings
from shops.platforms.values import Keys
from shops.reverb import reference
from tests.simulation import lines, promises, soon, troubles
from tests.simulation.calls import REVERB, Calls
from tests.simulation.ours import Ours
from tests.simulation.outside import Outside, Post
from tests.simulation.platforms import PLATFORMS, host_of
from tests.simulation.processes import Process, Processes
from tests.simulation.promises import Broken
from tests.simulation.refusals import Refusals
from tests.simulation.schedule import Schedule
from tests.simulation.story import MASS_SYNC, SETTINGS, WITH_A_NUMBER, Side, Step, Story
from tests.simulation.watch import Watch
from tests.simulation.world import World
from webhooks import addresses
from webhooks.models import Delivery

State = MassSync.State
#: Seconds that the seller waits between two looks at a mass sync's plan.
LOOKS_AT_PLAN_S = 5.0
#: Simulated seconds in which a run must come to rest.
REST_WITHIN_S = 4 * 3600.0
#: Steps in seconds by which time passes after the story, so that every scheduled crawl and poll has run, and was
#: repeated if it failed.
PASSES_S = (20 * 60.0, 70 * 60.0, 27 * 3600.0, 20 * 60.0)

#: Of so many stories one has Reverb asked for orders every few seconds; the others run faster.
QUICK_EVERY = 16


@dataclass
class RunResult:
    """The outcome of a run."""

    story: Story
    broken: list[Broken]
    lines: list[str] = field(repr=False, default_factory=list)
    calls: int = 0
    attempts: int = 0


class Run:
    """A run in progress."""

    def __init__(self, story: Story, outside: Outside, processes: Processes) -> None:
        """`outside` and `processes` are reused for one run after the other."""
        self.story = story
        self.lines: list[str] = []
        self.schedule = Schedule()
        self.processes = processes
        ways = story.ways
        processes.begin(machines_apart_s=ways["machines_apart_s"])
        self.ours = Ours(
            self.schedule, processes, self._luck("wakes"), wake_loss=ways["wake_loss"], sweep_s=ways["sweep_s"]
        )
        self.post = Post(
            self.schedule,
            self._luck("post"),
            take=self.ours.take_webhook,
            log=self.log,
        )
        self.outside = outside
        outside.post = self.post
        self.world = World(outside, self._luck("people"), self.log)
        self.watch = Watch(self)
        self.refusals = Refusals(self.world)
        self.calls = Calls(
            self.schedule,
            processes,
            outside.doors,
            self._luck("calls"),
            tuple(ways["call_s"]),
            act=self.act,
            before=self.watch.before,
            applied=self.watch.applied,
            log=self.log,
            refused=lambda call: self.refusals.of(call, self.schedule.now),
        )
        processes.on_moment, processes.on_death = self.calls.moment, self._died
        self.shops: list[Shop] = []
        #: Token → number of its shop in the story.
        self.tokens: dict[str, int] = {}
        self.logs: list[str] = []
        #: When Redis was emptied, and the rate limiter with it.
        self.flushed_at: list[float] = []
        #: What waited too long for a side that worked again.
        self.waited: list[Broken] = []

    def _luck(self, name: str) -> Random:
        return Random(f"{self.story.seed} {name}")

    def log(self, words: str) -> None:
        """Log an event."""
        self.lines.append(f"{self.schedule.datetime().strftime('%H:%M:%S.%f')[:-3]} {words}")

    # -- the story -------------------------------------------------------------------------------------------

    def go(self) -> RunResult:
        """Run the story and return the outcome."""
        random.seed(self.story.seed)  # the jitter of our own delays
        with self._set():
            _forget()
            self._open()
            self._begin()
            self._follow_story()
            self._end()
            broken = [*self.waited, *self._soon()]
            rests = self._rest()
            broken += promises.at_first_rest(self)
            self.refusals.end()
            for seconds in PASSES_S if rests else ():  # a run that found no rest will not find any
                self.schedule.jump(seconds)
                self._rest()
            broken += promises.at_last(self)
        return RunResult(self.story, broken, self.lines, len(self.calls.made), len(self.watch.claims))

    @contextmanager
    def _set(self) -> Iterator[None]:
        ways = self.story.ways
        changes = {
            "REVERB_API_URL": f"http://{REVERB}/api",
            "REVERB_WEB_URL": f"http://{REVERB}",
            "SHOPIFY_ADMIN_URL": f"http://{host_of('shopify')}",
            "BIGCOMMERCE_API_URL": f"http://{host_of('bigcommerce')}",
            "ALLOWED_PRIVATE_HOSTS": [host_of(kind) for kind in PLATFORMS],
            "REVERB_QUICK_POLL_SECONDS": 10 if self.story.seed % QUICK_EVERY == 0 else 0,
            "REVERB_READS_PER_MINUTE": ways["reads_per_minute"],
            "REVERB_WRITES_PER_MINUTE": ways["writes_per_minute"],
            "EMAIL_BACKEND": "django.core.mail.backends.locmem.EmailBackend",
            "CACHES": {"default": {"BACKEND": "tests.simulation.cache.Cache", "OPTIONS": {"MAX_ENTRIES": 100_000}}},
        }
        with ExitStack() as stack:
            stack.enter_context(override_settings(**changes))
            stack.enter_context(clock.running_by(self.schedule.datetime, sleeping=self.schedule.let_pass))
            stack.enter_context(outbound.carried_by(lines.Adapter(self.calls.carry)))
            stack.enter_context(wake.carried_by(self.ours))
            stack.enter_context(self.watch.watching())
            stack.enter_context(self._logging())
            yield

    @contextmanager
    def _logging(self) -> Iterator[None]:
        """Record what our code logs, as formatted."""
        run = self

        class Handler(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                run.logs.append(self.format(record))
                run.log(f"  log: {run.logs[-1][:300]}")

        handler = Handler()
        handler.setFormatter(RedactingFormatter("%(levelname)s %(name)s: %(message)s"))
        root = logging.getLogger()
        before, root.handlers = root.handlers, [handler]
        try:
            yield
        finally:
            root.handlers = before

    def _open(self) -> None:
        """Set up the shops on both sides and connect them, without faults."""
        ways = self.story.ways
        self.outside.begin(self.post, reverb_skew_s=ways["reverb_skew_s"], store_skew_s=ways["store_skew_s"])
        self.outside.ask("reverb", "POST", "/_control/settings", {**ways["reverb"]})
        redis().flushdb()
        cache.clear()
        for number, side in enumerate(self.story.sides, 1):
            token = f"token-{self.story.seed}-{number}-{self._luck(f'token {number}').getrandbits(64):x}"
            domain = PLATFORMS[side.platform].domain(number)
            self.world.open_shop(
                side,
                domain=domain,
                token=token,
                orders_lag_s=ways["store_orders_lag_s"],
                odd=ways["odd_neighbour"],
                scattered=ways["scattered"],
            )
            with self.processes.running("web"):
                self.shops.append(self._connect(side, domain, token))
            self.world.shop_ids.append(self.shops[-1].pk)
            self._point(side.platform, domain, self.shops[-1])
        self.tokens = {items[0].token: number for number, items in enumerate(self.world.items)}
        self.ours.look_soon()
        self._rest()

    def _point(self, kind: str, domain: str, shop: Shop) -> None:
        """Give a custom store its webhook address, and push its catalogue."""
        if kind == "custom":
            self.post.sure.add(domain)
            with self.processes.running("the simulation"):
                hook = StoreConnection.objects.get(shop=shop).webhook_address
            self.outside.ask(kind, "POST", "/_control/shops", {"domain": domain, "hook": hook})
            self.outside.ask(kind, "POST", "/_control/push", {"domain": domain})

    def _connect(self, side: Side, domain: str, token: str) -> Shop:
        number = len(self.shops) + 1
        person, _ = Person.objects.get_or_create(email=f"seller-{number}@example.com")
        shop = lifecycle.create_shop(person, f"Shop {number}")
        SyncSettings.objects.filter(shop=shop).update(**{"auto_publish": True, **side.settings})
        self.processes.stack[-1].shop_id = shop.pk
        platform = PLATFORMS[side.platform]
        keys = Keys(platform.keys(token), platform.secret(token))
        store_connection.connect_store(shop, platform=side.platform, address=platform.address(domain), keys=keys)
        reverb_connection.connect_reverb(shop, token, by_oauth=side.oauth)
        return shop

    def _begin(self) -> None:
        """Sync what the first import found; from now on faults occur, unless the story starts later."""
        ways = self.story.ways
        with self.processes.running("web"):
            for shop in self.shops:
                if ways["begins_with_mass_sync"]:
                    starting.begin(shop, None)
                else:
                    self._release(shop)
        self.ours.look_soon()
        if ways["begins_with_mass_sync"]:
            self._rest()
            for shop in self.shops:
                self._press(shop, "start")
        if ways["begins_linked"]:
            self._rest()
        self.post.loss, self.post.twice, self.post.late_s = ways["loss"], ways["twice"], ways["late_s"]
        self.log("the story begins")

    def _release(self, shop: Shop) -> None:
        """Sync what the first import found one by one, as after a mass sync that found differences everywhere."""
        pending = list(Product.objects.filter(shop=shop, pending_first_sync=True, gone_at__isnull=True).order_by("pk"))
        Product.objects.filter(pk__in=[product.pk for product in pending]).update(pending_first_sync=False)
        jobs.look_again(selection.chosen(shop, pending), rank=Rank.CATALOGUE, trigger=jobs.BY_HAND, now=clock.now())

    def _follow_story(self) -> None:
        for step in self.story.steps:
            self.schedule.run_until(self.schedule.now + step.wait)
            if step.at:
                self.log(f"(waiting: {step.word} at {step.where} no. {step.at})")
                self.calls.arm(step)
            else:
                self.act(step)

    def act(self, step: Step) -> None:
        """Run a step now."""
        if self.world.knows(step.word):
            with self.processes.running("people"):  # people's actions do not kill the running process
                self.world.act(step)
            return
        self.log(f"{step.word} {step.n if step.word in WITH_A_NUMBER else ''}".strip())
        if step.word in SETTINGS:
            self._set_up(step)
        elif step.word == "mass sync":
            self._mass_sync(self.shops[step.shop])
        elif step.word in MASS_SYNC:
            self._press(self.shops[step.shop], MASS_SYNC[step.word])
        else:
            troubles.begin(self, step)

    def _set_up(self, step: Step) -> None:
        """Change a setting, as the seller does on our page."""
        name, value = SETTINGS[step.word]
        shop = self.shops[step.shop]
        with self.processes.running("web", shop.pk), transaction.atomic():
            SyncSettings.objects.filter(shop=shop).update(**{name: step.n if value is None else value})
            recheck.look_again(shop)
        self.ours.look_soon()

    def _mass_sync(self, shop: Shop) -> None:
        """Begin a mass sync as the seller does, and start it once it is planned."""
        with self.processes.running("web", shop.pk):
            starting.begin(shop, None, anyway=True)
        self.ours.look_soon()
        self.world.waiting += 1
        self.schedule.later(LOOKS_AT_PLAN_S, lambda: self._start_what_is_planned(shop))

    def _start_what_is_planned(self, shop: Shop) -> None:
        if MassSync.objects.filter(shop=shop, state__in=(State.FETCHING, State.PLANNING)).exists():
            self.schedule.later(LOOKS_AT_PLAN_S, lambda: self._start_what_is_planned(shop))
            return
        self.world.waiting -= 1
        self._press(shop, "start")

    def _press(self, shop: Shop, button: str) -> None:
        """Press a button on the mass sync's page, as the seller."""
        with self.processes.running("web", shop.pk):
            getattr(starting if button == "start" else mass_sync, button)(shop)
        self.ours.look_soon()

    def _died(self, process: Process, why: str) -> None:
        self.log(f"  a {process.kind} process is killed: {why}")

    def _end(self) -> None:
        """End all faults."""
        self.calls.disarm()
        self.refusals.end_those_of_listings()
        self.world.over = True
        self.post.loss = self.post.twice = self.post.late_s = 0.0
        self.ours.wake_loss = 0.0
        for number in range(len(self.shops)):
            if not SyncSettings.objects.get(shop=self.shops[number]).auto_sync:
                self._set_up(Step("start syncing", shop=number))
            self._press(self.shops[number], "resume")
        self.log("the story ends")

    def _soon(self) -> list[Broken]:
        """Check what must be right soon after the story."""
        before, ended_at = soon.sold_out(self), self.schedule.now
        self.schedule.run_until(ended_at + soon.NOTICED_S)
        found = list(soon.waits_too_long(self))
        self.schedule.run_until(ended_at + soon.SOON_S)
        return [Broken(*words) for words in (*found, *soon.still_on_sale(self, before))]

    def look_at_what_waits(self) -> None:
        """Check whether something still waits for a side that was down, if both have worked for a while."""
        if not self.world.over and self.calls.went_well_for(soon.NOTICED_S):
            self.waited += [Broken(*words) for words in soon.waits_too_long(self)]

    def _rest(self) -> bool:
        """Continue until nothing is open; return whether that happened."""
        over = self.schedule.now + REST_WITHIN_S
        self.ours.look_soon()
        while self.schedule.now < over:
            self.schedule.run_until(self.schedule.next_at or self.schedule.now + 1)
            if self.ours.quiet and not self.post.waiting and not self.world.waiting and not any(_open(clock.now())):
                return True
        self.log(f"it never comes to rest: {', '.join(_open(clock.now()))}")
        return False

    def shops_index(self, shop_id: int | None) -> int:
        """Return a shop's number in the story."""
        return next((number for number, shop in enumerate(self.shops) if shop.pk == shop_id), len(self.shops) - 1)

    def stop(self) -> None:
        """Stop everything of this run."""
        self.processes.on_moment = lambda *_: None
        self.processes.on_death = lambda *_: None


def _open(now: datetime) -> Iterator[str]:
    """Yield a name for all open work, including retries due later."""
    soon = now + timedelta(
        seconds=2 * retry_delay.LONGEST_DELAY_S
    )  # a parcel of a sale under review by Reverb waits longer
    yield from (f"delivery {one.topic}" for one in Delivery.objects.filter(state=Delivery.State.OPEN))
    yield from (f"job of {one.product.sku}" for one in Job.objects.filter(blocked=False).select_related("product"))
    yield from (f"crawl {one.pk}" for one in Crawl.objects.filter(state=Crawl.State.RUNNING))
    yield from (f"mass sync {one.state}" for one in MassSync.objects.filter(state__in=MassSync.WORKING))
    unfinished = Order.objects.filter(
        store_state__in=[StoreOrderState.UNDECIDED, StoreOrderState.CREATING, StoreOrderState.CANCELLING],
        store_due_at__isnull=False,
    )
    yield from (f"order {one.number}, {one.store_state}" for one in unfinished)
    parcels = Parcel.objects.filter(state=Parcel.State.OPEN, due_at__lt=soon).select_related("order")
    yield from (f"parcel of order {one.order.number}" for one in parcels)


def _forget() -> None:
    """Truncate all tables and restart their ids, so that every run reads rows alike."""
    tables = [
        model._meta.db_table
        for room in ("synclog", "webhooks", "listings", "shops")
        for model in apps.get_app_config(room).get_models()
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
    # Caches of our processes: time restarts, so the previous run's entries are invalid.
    reference.forget()
    addresses.forget()
    breaker_snapshot.forget()
    fallback.forget()


__all__ = ["Run", "RunResult", "settings"]
