"""Spark: frames into Power BI at the driver, or by a format of Spark's own, which writes batches and streams.

Nothing here imports pyspark before it is used. `push_dataframe` sends from the driver: one sender, quotas kept, an
exact result. `register` adds the format ``"powerbi_push"``, whose options hold names and never secrets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from powerbi_push.calls.arguments import refuse
from powerbi_push.calls.options import DEFAULTS, RowOptions
from powerbi_push.delivery.notices import log_result
from powerbi_push.powerbi.targets import push
from powerbi_push.spark.emulated import add_format
from powerbi_push.spark.judging import check_schema
from powerbi_push.tracebacks import Hidden

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
        **options: As for `powerbi_push.push`: `schema`, `credential`, ``if_exists="replace"``, `create` and so on.

    Raises:
        TypeError: `df` is no DataFrame of Spark.
        PowerBIPushError: As for `powerbi_push.push`.
    """
    # A push URL and a credential are secrets: no traceback shows them, whichever argument they were put into.
    asked, told = Hidden(target), Hidden(options)
    del target, options
    if not hasattr(df, "toArrow") or not hasattr(df, "isStreaming"):
        refuse("df", "a DataFrame of Spark 4 or later", df)
    if df.isStreaming:
        refuse("df", "no stream: df.writeStream.foreachBatch(foreach_batch(target)) takes one", df)
    rows = {name: told.value[name] for name in DEFAULTS[RowOptions] if name in told.value}
    check_schema(df.schema, Hidden(told.value.get("schema")), rows)
    return push(df.toArrow(), asked.value, **told.value)


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
        TypeError: `on_result` cannot be called.
    """
    if on_result is not None and not callable(on_result):
        refuse("on_result", "a function, or None", on_result)
    asked, told = Hidden(target), Hidden(options)
    del target, options

    def push_batch(df: Any, batch_id: int) -> None:
        result = push_dataframe(df, asked.value, **told.value)
        log_result(f"batch {batch_id}: {result.summary()}")
        if on_result is not None:
            on_result(batch_id, result)

    return push_batch


def register(spark: Any) -> None:
    """Add the format ``"powerbi_push"`` to a session: ``df.write.format("powerbi_push").mode("append")``.

    Where ``POWERBI_PUSH_EMULATOR`` is set here and now, all writes of the session go to that emulator, and none anywhere
    else, whatever the environment of Spark's processes says.

    Args:
        spark: A SparkSession of Spark 4.1 or later.

    Raises:
        TypeError: `spark` is no such session.
    """
    if not hasattr(spark, "dataSource"):
        refuse("spark", "a SparkSession of Spark 4.1 or later", spark)
    add_format(spark)
