# SPDX-License-Identifier: Apache-2.0
"""Runs axesim, loads its results into pandas and plots them."""

from axesim.plots import plot_breakdown, plot_front, plot_layers
from axesim.program import AxesimError, run, sweep
from axesim.results import load_layers, load_run, load_sweep, load_sweep_layers, pareto_front
from axesim.roofline import plot_roofline

__all__ = [
    "AxesimError",
    "load_layers",
    "load_run",
    "load_sweep",
    "load_sweep_layers",
    "pareto_front",
    "plot_breakdown",
    "plot_front",
    "plot_layers",
    "plot_roofline",
    "run",
    "sweep",
]
