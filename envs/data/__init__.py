"""Problems that others have published: rows of JSON Lines or Parquet files, or of a data set on the hub."""

from envs.data.dataset import DataSet, load
from envs.data.formats import FORMATS, Columns, Format, Item

__all__ = ["FORMATS", "Columns", "DataSet", "Format", "Item", "load"]
