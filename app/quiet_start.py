"""Imported first by the command line, and only there: no garbage collection while modules load and models are built.

Nothing that is made then is ever garbage, and looking through it again and again takes a quarter of the start.
`app.serving` switches the collector on again.
"""

import gc

gc.disable()
