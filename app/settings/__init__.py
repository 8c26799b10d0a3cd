"""What the environment says, typed."""

from app.settings.environment_destination import EnvironmentDestination
from app.settings.settings import Settings, read_settings

__all__ = ["EnvironmentDestination", "Settings", "read_settings"]
