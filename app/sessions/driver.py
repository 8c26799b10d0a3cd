"""Storage drivers of one's own: a function, named by its import path, that makes a table of sessions."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.sessions.session_table import SessionTable

Driver = Callable[[Mapping[str, Any]], SessionTable]
"""From the credentials of the store's binding to the table; called inside of the running event loop."""


def load_driver(path: str, workdir: Path) -> Driver:
    """The function that `module:function` names, of a module that is installed, or lies in the working directory.

    The directory stays on the import path, behind all others: a driver may import later what lies beside it, and
    nothing there takes the place of what is installed. Raises ValueError saying what is wrong.
    """
    module_name, colon, name = path.partition(":")
    if not (colon and module_name and name.isidentifier()):
        raise ValueError("an import path such as my_package.my_store:make_table")
    if str(workdir) not in sys.path:
        sys.path.append(str(workdir))
    try:
        module = importlib.import_module(module_name)
    except (ImportError, SyntaxError, TypeError) as error:
        raise ValueError(f"a module that can be imported ({type(error).__name__})") from None
    driver: Driver | None = getattr(module, name, None)
    if not callable(driver):
        raise ValueError(f"a function {name} in the module {module_name}")
    return driver
