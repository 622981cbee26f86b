"""Every statement of the queue and of an attempt, whole: each can be pasted into psql with values for its `%(names)s`.

An attempt runs CLAIM, a few of RENEW_LEASE and SAVE_…, and END_ATTEMPT. What is done for every product is not left to
querysets, which cost ten times as much (docs/performance.md). tests/listings/queue/test_sql.py prepares each statement
against the migrated schema, and checks that its columns are the models'.
"""

from __future__ import annotations

#: Opens a job for each product, or adds to the open one: the more urgent rank and the earlier time win.
OPEN_JOBS = """
INSERT INTO listings_job AS job (
    product_id, shop_id, rank, due_at, opened_at, generation, attempts, trigger, blocked
)
SELECT product_id, shop_id, %(rank)s, due_at, %(now)s, 1, 0, %(trigger)s, false
FROM unnest(%(products)s::bigint[], %(shops)s::bigint[], %(due)s::timestamptz[]) AS wanted (product_id, shop_id, due_at)
ON CONFLICT (product_id) DO UPDATE SET
    generation = job.generation + 1,
    attempts = 0,
    rank = least(job.rank, excluded.rank),
    due_at = least(job.due_at, excluded.due_at),
    trigger = excluded.trigger,
    blocked = false,
    retry_due_at = NULL
"""

#: Claims the shop's most urgent due job of `ranks` while fewer than `most` are claimed, and reads the attempt's input.
#: Each rank is one index lookup, so the cost does not depend on how many jobs wait. The commit is asynchronous: a claim
#: that a power cut undoes is made again.
CLAIM = """
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)), next AS (
    SELECT found.id, found.lease IS NOT NULL AS interrupted
    FROM quick, unnest(%(ranks)s::int[]) AS wanted (rank), LATERAL (
        SELECT id, lease FROM listings_job
        WHERE shop_id = %(shop)s AND rank = wanted.rank AND NOT blocked AND due_at <= %(now)s
          AND (lease_until IS NULL OR lease_until < %(now)s)
        ORDER BY due_at
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS found
    WHERE (
        SELECT count(*) FROM listings_job WHERE shop_id = %(shop)s AND lease IS NOT NULL AND lease_until >= %(now)s
    ) < %(most)s
    LIMIT 1
), claimed AS (
    UPDATE listings_job AS job
    SET lease = %(lease)s, lease_until = %(until)s, worker_lock = %(worker_lock)s, attempts = job.attempts + 1
    FROM next WHERE job.id = next.id
    RETURNING
        job.id, job.product_id, job.shop_id, job.generation, job.attempts, job.trigger, next.interrupted, job.rank,
        EXISTS (
        SELECT 1 FROM unnest(%(ranks)s::int[]) AS wanted (rank), LATERAL (
            SELECT 1 FROM listings_job
            WHERE shop_id = %(shop)s AND rank = wanted.rank AND NOT blocked AND due_at <= %(now)s
              AND (lease_until IS NULL OR lease_until < %(now)s) AND id <> next.id
            ORDER BY due_at
            LIMIT 1
        ) AS other
    )
)
SELECT claimed.*,
    product.id, product.shop_id, product.store_product_id, product.store_parent_id, product.store_stock_id,
    product.sku, product.title, product.snapshot, product.read_at, product.news_at, product.stock_since,
    product.reported_at, product.gone_at, product.next_change_at, product.looked_at, product.pending_first_sync,
    product.choice, product.overrides, product.stock_buffer, product.stock_maximum, product.waits_for,
    listing.id, listing.product_id, listing.shop_id, listing.sku, listing.reverb_id, listing.link, listing.state,
    listing.snapshot, listing.read_at, listing.indexed_at, listing.agreed, listing.warnings,
    listing.post_started_at, listing.relist_as_new, listing.oversells_since, listing.oversells_notified_at,
    listing.publish_looks,
    ledger.id, ledger.listing_id, ledger.units, ledger.store, ledger.reverb, ledger.single_unit,
    ledger.unexplained_drop, ledger.dropped_at, ledger.unexplained_gain, ledger.gained_at, ledger.set_at,
    ledger.before, ledger.pending_put, ledger.undecided_at, ledger.pending_adjustment, ledger.serial,
    ledger.wrote_store_at, ledger.wrote_by, ledger.crossed, ledger.behind_since, ledger.behind_notified_at,
    ledger.oversold_notified, ledger.oversold_unnamed, ledger.oversold_unanswered, ledger.linked_at,
    job.generation,
    -- another product of the shop has the same SKU
    product.sku <> '' AND EXISTS (
        SELECT FROM listings_product AS same
        WHERE same.shop_id = product.shop_id AND same.sku = product.sku AND same.gone_at IS NULL
          AND same.id <> product.id
    ),
    -- there are orders that may still say something about the stock
    EXISTS (
        SELECT FROM listings_order AS sale
        WHERE sale.product_id = product.id
          AND (sale.updated_at > %(orders_since)s OR sale.reckoned <> sale.status)
    ),
    -- (ctid, xmin) identifies a row version: the cache key of a ShopContext
    concat(
        shop.ctid, shop.xmin, '/', settings.ctid, settings.xmin, '/', store.ctid, store.xmin, '/',
        reverb.ctid, reverb.xmin, '/',
        (SELECT string_agg(concat(ctid, xmin), '' ORDER BY id) FROM shops_selectionrule WHERE shop_id = shop.id), '/',
        (SELECT string_agg(concat(ctid, xmin), '' ORDER BY id) FROM shops_mappingrule WHERE shop_id = shop.id)
    ),
    reverb.orders_read_at
FROM claimed
LEFT JOIN listings_job AS job ON job.id = claimed.id
LEFT JOIN listings_product AS product ON product.id = job.product_id
LEFT JOIN shops_shop AS shop ON shop.id = product.shop_id
LEFT JOIN shops_syncsettings AS settings ON settings.shop_id = shop.id
LEFT JOIN shops_storeconnection AS store ON store.shop_id = shop.id
LEFT JOIN shops_reverbconnection AS reverb ON reverb.shop_id = shop.id
LEFT JOIN listings_listing AS listing ON listing.product_id = product.id
LEFT JOIN listings_ledger AS ledger ON ledger.listing_id = listing.id
"""

#: Reads the attempt's input as CLAIM does, where the job changed between that statement's snapshot and its row lock.
READ_ATTEMPT = """
SELECT
    product.id, product.shop_id, product.store_product_id, product.store_parent_id, product.store_stock_id,
    product.sku, product.title, product.snapshot, product.read_at, product.news_at, product.stock_since,
    product.reported_at, product.gone_at, product.next_change_at, product.looked_at, product.pending_first_sync,
    product.choice, product.overrides, product.stock_buffer, product.stock_maximum, product.waits_for,
    listing.id, listing.product_id, listing.shop_id, listing.sku, listing.reverb_id, listing.link, listing.state,
    listing.snapshot, listing.read_at, listing.indexed_at, listing.agreed, listing.warnings,
    listing.post_started_at, listing.relist_as_new, listing.oversells_since, listing.oversells_notified_at,
    listing.publish_looks,
    ledger.id, ledger.listing_id, ledger.units, ledger.store, ledger.reverb, ledger.single_unit,
    ledger.unexplained_drop, ledger.dropped_at, ledger.unexplained_gain, ledger.gained_at, ledger.set_at,
    ledger.before, ledger.pending_put, ledger.undecided_at, ledger.pending_adjustment, ledger.serial,
    ledger.wrote_store_at, ledger.wrote_by, ledger.crossed, ledger.behind_since, ledger.behind_notified_at,
    ledger.oversold_notified, ledger.oversold_unnamed, ledger.oversold_unanswered, ledger.linked_at,
    job.generation,
    product.sku <> '' AND EXISTS (
        SELECT FROM listings_product AS same
        WHERE same.shop_id = product.shop_id AND same.sku = product.sku AND same.gone_at IS NULL
          AND same.id <> product.id
    ),
    EXISTS (
        SELECT FROM listings_order AS sale
        WHERE sale.product_id = product.id
          AND (sale.updated_at > %(orders_since)s OR sale.reckoned <> sale.status)
    ),
    concat(
        shop.ctid, shop.xmin, '/', settings.ctid, settings.xmin, '/', store.ctid, store.xmin, '/',
        reverb.ctid, reverb.xmin, '/',
        (SELECT string_agg(concat(ctid, xmin), '' ORDER BY id) FROM shops_selectionrule WHERE shop_id = shop.id), '/',
        (SELECT string_agg(concat(ctid, xmin), '' ORDER BY id) FROM shops_mappingrule WHERE shop_id = shop.id)
    ),
    reverb.orders_read_at
FROM listings_job AS job
LEFT JOIN listings_product AS product ON product.id = job.product_id
LEFT JOIN shops_shop AS shop ON shop.id = product.shop_id
LEFT JOIN shops_syncsettings AS settings ON settings.shop_id = shop.id
LEFT JOIN shops_storeconnection AS store ON store.shop_id = shop.id
LEFT JOIN shops_reverbconnection AS reverb ON reverb.shop_id = shop.id
LEFT JOIN listings_listing AS listing ON listing.product_id = product.id
LEFT JOIN listings_ledger AS ledger ON ledger.listing_id = listing.id
WHERE job.id = %(job)s AND job.lease = %(lease)s
"""

RENEW_LEASE = """
UPDATE listings_job SET lease_until = %(until)s WHERE id = %(job)s AND lease = %(lease)s RETURNING generation
"""

#: These save fields of one row while this worker has the lease, and renew it, in one round trip instead of three.
#: `changes` is a JSON object of new values by column; other columns keep what other transactions wrote.
SAVE_LISTING = """
WITH mine AS (UPDATE listings_job SET lease_until = %(until)s WHERE id = %(job)s AND lease = %(lease)s RETURNING id)
UPDATE listings_listing SET
    sku = CASE WHEN new ? 'sku' THEN new ->> 'sku' ELSE sku END,
    reverb_id = CASE WHEN new ? 'reverb_id' THEN new ->> 'reverb_id' ELSE reverb_id END,
    link = CASE WHEN new ? 'link' THEN new ->> 'link' ELSE link END,
    state = CASE WHEN new ? 'state' THEN new ->> 'state' ELSE state END,
    snapshot = CASE WHEN new ? 'snapshot' THEN nullif(new -> 'snapshot', 'null') ELSE snapshot END,
    read_at = CASE WHEN new ? 'read_at' THEN (new ->> 'read_at')::timestamptz ELSE read_at END,
    indexed_at = CASE WHEN new ? 'indexed_at' THEN (new ->> 'indexed_at')::timestamptz ELSE indexed_at END,
    agreed = CASE WHEN new ? 'agreed' THEN nullif(new -> 'agreed', 'null') ELSE agreed END,
    warnings = CASE WHEN new ? 'warnings' THEN nullif(new -> 'warnings', 'null') ELSE warnings END,
    post_started_at = CASE
        WHEN new ? 'post_started_at' THEN (new ->> 'post_started_at')::timestamptz
        ELSE post_started_at
    END,
    relist_as_new = CASE WHEN new ? 'relist_as_new' THEN (new ->> 'relist_as_new')::boolean ELSE relist_as_new END,
    oversells_since = CASE
        WHEN new ? 'oversells_since' THEN (new ->> 'oversells_since')::timestamptz
        ELSE oversells_since
    END,
    oversells_notified_at = CASE
        WHEN new ? 'oversells_notified_at' THEN (new ->> 'oversells_notified_at')::timestamptz
        ELSE oversells_notified_at
    END,
    publish_looks = CASE WHEN new ? 'publish_looks' THEN (new ->> 'publish_looks')::smallint ELSE publish_looks END
FROM (SELECT %(changes)s::jsonb AS new) AS given
WHERE id = %(row)s AND EXISTS (SELECT FROM mine)
"""
SAVE_LEDGER = """
WITH mine AS (UPDATE listings_job SET lease_until = %(until)s WHERE id = %(job)s AND lease = %(lease)s RETURNING id)
UPDATE listings_ledger SET
    units = CASE WHEN new ? 'units' THEN (new ->> 'units')::int ELSE units END,
    store = CASE WHEN new ? 'store' THEN (new ->> 'store')::int ELSE store END,
    reverb = CASE WHEN new ? 'reverb' THEN (new ->> 'reverb')::int ELSE reverb END,
    single_unit = CASE WHEN new ? 'single_unit' THEN (new ->> 'single_unit')::boolean ELSE single_unit END,
    unexplained_drop = CASE
        WHEN new ? 'unexplained_drop' THEN (new ->> 'unexplained_drop')::int
        ELSE unexplained_drop
    END,
    dropped_at = CASE WHEN new ? 'dropped_at' THEN (new ->> 'dropped_at')::timestamptz ELSE dropped_at END,
    unexplained_gain = CASE
        WHEN new ? 'unexplained_gain' THEN (new ->> 'unexplained_gain')::int
        ELSE unexplained_gain
    END,
    gained_at = CASE WHEN new ? 'gained_at' THEN (new ->> 'gained_at')::timestamptz ELSE gained_at END,
    set_at = CASE WHEN new ? 'set_at' THEN (new ->> 'set_at')::timestamptz ELSE set_at END,
    before = CASE WHEN new ? 'before' THEN nullif(new -> 'before', 'null') ELSE before END,
    pending_put = CASE WHEN new ? 'pending_put' THEN (new ->> 'pending_put')::int ELSE pending_put END,
    undecided_at = CASE WHEN new ? 'undecided_at' THEN (new ->> 'undecided_at')::timestamptz ELSE undecided_at END,
    pending_adjustment = CASE
        WHEN new ? 'pending_adjustment' THEN nullif(new -> 'pending_adjustment', 'null')
        ELSE pending_adjustment
    END,
    serial = CASE WHEN new ? 'serial' THEN (new ->> 'serial')::int ELSE serial END,
    wrote_store_at = CASE
        WHEN new ? 'wrote_store_at' THEN (new ->> 'wrote_store_at')::timestamptz
        ELSE wrote_store_at
    END,
    wrote_by = CASE WHEN new ? 'wrote_by' THEN (new ->> 'wrote_by')::int ELSE wrote_by END,
    crossed = CASE WHEN new ? 'crossed' THEN (new ->> 'crossed')::int ELSE crossed END,
    behind_since = CASE WHEN new ? 'behind_since' THEN (new ->> 'behind_since')::timestamptz ELSE behind_since END,
    behind_notified_at = CASE
        WHEN new ? 'behind_notified_at' THEN (new ->> 'behind_notified_at')::timestamptz
        ELSE behind_notified_at
    END,
    oversold_notified = CASE
        WHEN new ? 'oversold_notified' THEN (new ->> 'oversold_notified')::int
        ELSE oversold_notified
    END,
    oversold_unnamed = CASE
        WHEN new ? 'oversold_unnamed' THEN (new ->> 'oversold_unnamed')::boolean
        ELSE oversold_unnamed
    END,
    oversold_unanswered = CASE
        WHEN new ? 'oversold_unanswered' THEN (new ->> 'oversold_unanswered')::boolean
        ELSE oversold_unanswered
    END,
    linked_at = CASE WHEN new ? 'linked_at' THEN (new ->> 'linked_at')::timestamptz ELSE linked_at END
FROM (SELECT %(changes)s::jsonb AS new) AS given
WHERE id = %(row)s AND EXISTS (SELECT FROM mine)
"""
SAVE_PRODUCT = """
WITH mine AS (UPDATE listings_job SET lease_until = %(until)s WHERE id = %(job)s AND lease = %(lease)s RETURNING id)
UPDATE listings_product SET
    next_change_at = CASE
        WHEN new ? 'next_change_at' THEN (new ->> 'next_change_at')::timestamptz
        ELSE next_change_at
    END
FROM (SELECT %(changes)s::jsonb AS new) AS given
WHERE id = %(row)s AND EXISTS (SELECT FROM mine)
"""

#: Ends an attempt in one statement: writes the entry, the product, the listing's changes and the line of a mass sync.
#: It settles the job by `ending`: 'finished' deletes it, 'blocked' keeps it for the seller, 'retry' makes it due later.
#: If another transaction requested the job again since the claim, its generation differs and `put_back` makes it due:
#: PostgreSQL re-reads a row that changed while the statement waited for its lock. If no part finds the job, the lease
#: is lost, and the division by zero undoes the statement.
#: The product's row is locked before the job's, in the same order as by intake, so the two cannot deadlock.
END_ATTEMPT = """
WITH product AS (
    UPDATE listings_product SET looked_at = %(looked_at)s, waits_for = %(waits_for)s WHERE id = %(product)s RETURNING id
), entry AS (
    INSERT INTO synclog_entry (
        shop_id, at, outcome, reason, words, fix_link, store_product_id, title, sku, product_link,
        listing_link, changes, message, field_errors, warnings, took_ms, attempt, trigger
    ) VALUES (
        %(entry_shop_id)s, %(entry_at)s, %(entry_outcome)s, %(entry_reason)s, %(entry_words)s,
        %(entry_fix_link)s, %(entry_store_product_id)s, %(entry_title)s, %(entry_sku)s,
        %(entry_product_link)s, %(entry_listing_link)s, %(entry_changes)s, %(entry_message)s,
        %(entry_field_errors)s, %(entry_warnings)s, %(entry_took_ms)s, %(entry_attempt)s, %(entry_trigger)s
    )
), listing AS (
    -- `listing` is NULL where nothing of it changes
    UPDATE listings_listing SET
        sku = CASE WHEN new ? 'sku' THEN new ->> 'sku' ELSE sku END,
        reverb_id = CASE WHEN new ? 'reverb_id' THEN new ->> 'reverb_id' ELSE reverb_id END,
        link = CASE WHEN new ? 'link' THEN new ->> 'link' ELSE link END,
        state = CASE WHEN new ? 'state' THEN new ->> 'state' ELSE state END,
        snapshot = CASE WHEN new ? 'snapshot' THEN nullif(new -> 'snapshot', 'null') ELSE snapshot END,
        read_at = CASE WHEN new ? 'read_at' THEN (new ->> 'read_at')::timestamptz ELSE read_at END,
        indexed_at = CASE WHEN new ? 'indexed_at' THEN (new ->> 'indexed_at')::timestamptz ELSE indexed_at END,
        agreed = CASE WHEN new ? 'agreed' THEN nullif(new -> 'agreed', 'null') ELSE agreed END,
        warnings = CASE WHEN new ? 'warnings' THEN nullif(new -> 'warnings', 'null') ELSE warnings END,
        post_started_at = CASE
            WHEN new ? 'post_started_at' THEN (new ->> 'post_started_at')::timestamptz
            ELSE post_started_at
        END,
        relist_as_new = CASE
            WHEN new ? 'relist_as_new' THEN (new ->> 'relist_as_new')::boolean
            ELSE relist_as_new
        END,
        oversells_since = CASE
            WHEN new ? 'oversells_since' THEN (new ->> 'oversells_since')::timestamptz
            ELSE oversells_since
        END,
        oversells_notified_at = CASE
            WHEN new ? 'oversells_notified_at' THEN (new ->> 'oversells_notified_at')::timestamptz
            ELSE oversells_notified_at
        END,
        publish_looks = CASE
            WHEN new ? 'publish_looks' THEN (new ->> 'publish_looks')::smallint
            ELSE publish_looks
        END
    FROM (SELECT %(listing_changes)s::jsonb AS new) AS given
    WHERE id = %(listing)s
), line AS (
    -- `line_kinds` is empty where its line stays open
    UPDATE listings_line SET state = %(line_state)s, reason = %(line_reason)s, message = %(line_message)s
    WHERE product_id = %(product)s AND kind = ANY(%(line_kinds)s) AND state IN ('open', 'queued')
), finished AS (
    DELETE FROM listings_job
    WHERE id = %(job)s AND lease = %(lease)s AND generation = %(generation)s AND %(ending)s = 'finished'
      AND EXISTS (SELECT FROM product)
    RETURNING id
), kept AS (
    UPDATE listings_job SET
        blocked = %(ending)s = 'blocked', retry_due_at = %(retry_at)s,
        due_at = coalesce(%(due)s, due_at), attempts = coalesce(%(attempts)s, attempts),
        rank = coalesce(%(rank)s, rank),
        lease = NULL, lease_until = NULL
    WHERE id = %(job)s AND lease = %(lease)s AND generation = %(generation)s AND %(ending)s <> 'finished'
      AND EXISTS (SELECT FROM product)
    RETURNING id
), put_back AS (
    UPDATE listings_job SET due_at = %(due_again)s, attempts = %(attempts_again)s, lease = NULL, lease_until = NULL
    WHERE id = %(job)s AND lease = %(lease)s AND NOT EXISTS (SELECT FROM finished) AND NOT EXISTS (SELECT FROM kept)
      AND EXISTS (SELECT FROM product)
    RETURNING id
)
SELECT 1 / count(*)
FROM (SELECT id FROM finished UNION ALL SELECT id FROM kept UNION ALL SELECT id FROM put_back) AS mine
"""

#: Settles a job as END_ATTEMPT does, without an attempt.
END_JOB = """
WITH finished AS (
    DELETE FROM listings_job
    WHERE id = %(job)s AND lease = %(lease)s AND generation = %(generation)s AND %(ending)s = 'finished'
    RETURNING id
), kept AS (
    UPDATE listings_job SET
        blocked = %(ending)s = 'blocked', retry_due_at = %(retry_at)s,
        due_at = coalesce(%(due)s, due_at), attempts = coalesce(%(attempts)s, attempts),
        rank = coalesce(%(rank)s, rank),
        lease = NULL, lease_until = NULL
    WHERE id = %(job)s AND lease = %(lease)s AND generation = %(generation)s AND %(ending)s <> 'finished'
    RETURNING id
), put_back AS (
    UPDATE listings_job SET due_at = %(due_again)s, attempts = %(attempts_again)s, lease = NULL, lease_until = NULL
    WHERE id = %(job)s AND lease = %(lease)s AND NOT EXISTS (SELECT FROM finished) AND NOT EXISTS (SELECT FROM kept)
    RETURNING id
)
SELECT 1 / count(*)
FROM (SELECT id FROM finished UNION ALL SELECT id FROM kept UNION ALL SELECT id FROM put_back) AS mine
"""

#: Frees up to `most` claimed jobs whose worker's advisory lock is gone: the worker is dead.
FREE_ABANDONED = """
WITH gone AS (
    SELECT id, lease FROM listings_job AS job
    WHERE lease IS NOT NULL AND lease_until < %(locked_by)s AND NOT EXISTS (
        SELECT 1 FROM pg_locks
        WHERE locktype = 'advisory' AND classid = %(locks)s AND objid = job.worker_lock AND granted
    )
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
UPDATE listings_job AS job SET lease = NULL, lease_until = NULL, worker_lock = NULL
FROM gone WHERE job.id = gone.id
RETURNING
    job.id, job.product_id, job.shop_id, gone.lease, job.generation, job.attempts, job.trigger, true, job.rank, false
"""

#: Finds the shops with a due job. From shop to shop by the index, and in each one only the first job of each rank.
SHOPS_WITH_DUE_JOBS = """
WITH RECURSIVE shop (id) AS (
    (SELECT shop_id FROM listings_job WHERE NOT blocked ORDER BY shop_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT shop_id FROM listings_job WHERE NOT blocked AND shop_id > shop.id ORDER BY shop_id LIMIT 1
    ) FROM shop WHERE shop.id IS NOT NULL
)
SELECT id FROM shop WHERE EXISTS (
    SELECT 1 FROM unnest(%(ranks)s::int[]) AS wanted (rank), LATERAL (
        SELECT 1 FROM listings_job
        WHERE shop_id = shop.id AND rank = wanted.rank AND NOT blocked AND due_at <= %(now)s
          AND (lease_until IS NULL OR lease_until < %(now)s)
        ORDER BY due_at
        LIMIT 1
    ) AS found
)
"""
