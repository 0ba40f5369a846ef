import mlrun

from .months import warmest_month


@mlrun.handler(outputs=["dataset", "warmest: result"])
def downloader(context, url: mlrun.DataItem):
    table = url.as_df(format="parquet")
    return table, warmest_month(table)
