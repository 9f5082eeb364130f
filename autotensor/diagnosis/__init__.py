"""What goes on in a computation: where NaN comes from, where time goes, what the graph is."""

from autotensor.diagnosis.anomaly import detect_anomaly, set_detect_anomaly
from autotensor.diagnosis.drawing import graph
from autotensor.diagnosis.profiling import profile

__all__ = ["detect_anomaly", "graph", "profile", "set_detect_anomaly"]
