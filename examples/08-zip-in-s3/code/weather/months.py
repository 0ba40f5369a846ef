import pandas as pd


def warmest_month(table: pd.DataFrame) -> int:
    months = pd.to_datetime(table["date"]).dt.month
    return int(table.groupby(months)["temp_max"].mean().idxmax())
