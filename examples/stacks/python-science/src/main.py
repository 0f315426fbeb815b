"""Imports what is heavy, and lets each of them compute something."""

import io

import matplotlib.pyplot as plot
import numpy
import pandas
import scipy.linalg
import scipy.stats

answer = scipy.linalg.det(numpy.array([[6.0, 0.0], [0.0, 7.0]]))
frame = pandas.DataFrame({"x": numpy.arange(100), "y": scipy.stats.norm.pdf(numpy.linspace(-3, 3, 100))})
frame.plot(x="x", y="y")
picture = io.BytesIO()
plot.savefig(picture, format="png")
assert picture.getvalue().startswith(b"\x89PNG")
print(round(answer, 6), len(frame), "points")
