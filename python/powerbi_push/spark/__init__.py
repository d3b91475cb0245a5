"""Spark: frames into Power BI at the driver, or by a format of Spark's own, which writes batches and streams.

Nothing here imports pyspark before it is used. `push_dataframe` sends from the driver: one sender, quotas kept, an
exact result. `register` adds the format ``"powerbi_push"``, whose options hold names and never secrets.
"""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from powerbi_push.calls.arguments import refuse
from powerbi_push.calls.options import DEFAULTS, PushOptions, RowOptions, given
from powerbi_push.delivery.notices import log_result
from powerbi_push.powerbi.targets import push
from powerbi_push.spark.emulated import add_format
from powerbi_push.spark.judging import check_schema, on_clock
from powerbi_push.tracebacks import Hidden, frameless

if TYPE_CHECKING:
    from collections.abc import Callable

    from powerbi_push.delivery.results import PushResult
    from powerbi_push.powerbi.targets import Target


def push_dataframe(df: Any, target: Target, **options: Any) -> PushResult:
    """Push a frame of Spark from the driver: one sender, which keeps the quotas and knows what became of each row.

    The columns are judged before Spark computes a row, all rows before the first request. The frame comes through Arrow
    into the driver's memory, at most ``spark.driver.maxResultSize`` of it.

    Args:
        df: A DataFrame of Spark, classic or Connect; no stream.
        target: As for `powerbi_push.push`.
        **options: As for `powerbi_push.push`: `schema`, `credential`, ``if_exists="replace"``, `create` and so on. The
            clock of ``aware_datetimes="wall"`` is the session's, ``spark.sql.session.timeZone``.

    Raises:
        TypeError: `df` is no DataFrame of Spark, or there is no such option.
        PowerBIPushError: As for `powerbi_push.push`.
    """
    # A push URL and a credential are secrets: no traceback shows them, whichever argument they were put into.
    asked, told = Hidden(target), Hidden(options)
    del target, options
    _check_names("push_dataframe", told)
    if not hasattr(df, "toArrow") or not hasattr(df, "isStreaming"):
        refuse("df", "a DataFrame of Spark 4 or later", df)
    if df.isStreaming:
        refuse("df", "no stream: df.writeStream.foreachBatch(foreach_batch(target)) takes one", df)
    rows = {name: told.value[name] for name in DEFAULTS[RowOptions] if name in told.value}
    check_schema(df.schema, Hidden(told.value.get("schema")), rows)
    frame = df.toArrow()
    if rows.get("aware_datetimes") == "wall":
        frame = on_clock(frame, df.sparkSession.conf.get("spark.sql.session.timeZone"))
    return push(frame, asked.value, **told.value)


def foreach_batch(
    target: Target, *, on_result: Callable[[int, PushResult], object] | None = None, **options: Any
) -> Callable[[Any, int], None]:
    """Make a function for ``df.writeStream.foreachBatch``, which pushes each batch of a stream from the driver.

    The result of each batch is logged by the logger ``powerbi_push``. A failure ends the stream; after a restart Spark
    gives the batch again under the same number, so that rows come at least once.

    Args:
        target: As for `powerbi_push.push`.
        on_result: Called with the number and the result of each batch.
        **options: As for `push_dataframe`.

    Raises:
        TypeError: `on_result` cannot be called, or there is no such option.
    """
    if on_result is not None and not callable(on_result):
        refuse("on_result", "a function, or None", on_result)
    asked, told = Hidden(target), Hidden(options)
    del target, options
    _check_names("foreach_batch", told)

    def push_batch(df: Any, batch_id: int) -> None:
        result = push_dataframe(df, asked.value, **told.value)
        log_result(f"batch {batch_id}: {result.summary()}")
        if on_result is not None:
            on_result(batch_id, result)

    return push_batch


@frameless
def _check_names(verb: str, options: Hidden[dict[str, Any]]) -> None:
    """See whether `push` has the options, before a batch comes or Spark computes.

    Raises:
        TypeError: It has no such option, as Python itself says it.
    """
    own = signature(push).parameters.keys() - {"rows", "target"} - DEFAULTS[PushOptions].keys()
    given(verb, PushOptions, {name: value for name, value in options.value.items() if name not in own})


def register(spark: Any) -> None:
    """Add the format ``"powerbi_push"`` to a session: ``df.write.format("powerbi_push").mode("append")``.

    Where ``POWERBI_PUSH_EMULATOR`` is set here and now, all writes of the session go to that emulator, and none
    anywhere else, whatever the environment of Spark's processes says.

    Args:
        spark: A SparkSession of Spark 4.1 or later.

    Raises:
        TypeError: `spark` is no such session.
    """
    if not hasattr(spark, "dataSource"):
        refuse("spark", "a SparkSession of Spark 4.1 or later", spark)
    add_format(spark)
