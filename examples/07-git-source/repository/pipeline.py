import mlrun
from cleaning import without_gaps


@mlrun.handler(outputs=["dataset"])
def downloader(context, url: mlrun.DataItem):
    context.logger.info("reading", url=url.key)
    return without_gaps(url.as_df(format="parquet"))
