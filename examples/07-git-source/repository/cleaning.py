import pandas as pd


def without_gaps(table: pd.DataFrame) -> pd.DataFrame:
    return table.dropna().reset_index(drop=True)
